"""What no line may show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apistatus.model.result import MAX_ERROR_CHARS
from apistatus.probing.masking import Mask, mask_of, mask_of_value, one_line
from tests.targets.checks import check_of
from tests.unit.probing.expecting import expecting


@pytest.mark.parametrize(
    ("secrets", "text", "masked"),
    [
        (["hunter22"], "a hunter22 b hunter22", "a *** b ***"),
        (["hunter22", "hunter22-and-more"], "hunter22-and-more", "***"),
        (['qu"ote'], 'seen: "qu\\"ote", qu"ote', 'seen: "***", ***'),
        (["abc"], "abc", "abc"),
        (["abcd"], "abcd", "***"),
        ([""], "abc", "abc"),
    ],
)
def test_secrets_are_masked(secrets: list[str], text: str, masked: str) -> None:
    assert Mask(secrets)(text) == masked


def test_what_is_sent_is_secret_but_for_headers_that_never_are() -> None:
    check = check_of(
        "https://a.example/p?token=s3cret-value", site="https://a.example", endpoint="/p?token=${TOKEN}",
        secrets=("expected-secret",),
    )  # fmt: skip
    mask = mask_of(
        check, (("Authorization", "Bearer tok-en-1"), ("Accept", "text/html"), ("X-Key", "key-value"))
    )
    said = "s3cret-value tok-en-1 key-value expected-secret text/html https://a.example/p"
    assert mask(said) == "*** *** *** *** text/html https://a.example/p"


@pytest.mark.parametrize("sent", ["p%C3%A4ss%20word", "päss%20word"])
def test_what_stands_in_the_url_is_masked_however_it_is_encoded(sent: str) -> None:
    mask = mask_of(
        check_of(f"https://a.example/x/{sent}", site="https://a.example", endpoint="/x/${PATH}"), ()
    )
    assert mask("/x/päss word /x/p%C3%A4ss%20word") == "/x/*** /x/***"


def test_what_stands_in_the_file_itself_is_no_secret() -> None:
    check = check_of(
        "https://a.example/open/one?key=k3y-value&x=plain#part;more=m0re",
        site="https://a.example", endpoint="/open/one?key=${KEY}&x=plain#part;more=${MORE}",
    )  # fmt: skip
    said = "a.example /open/one?key=k3y-value&x=plain#part;more=m0re"
    assert mask_of(check, ())(said) == "a.example /open/one?key=***&x=plain#part;more=***"


def test_a_secret_anywhere_in_a_target_is_masked() -> None:
    check = check_of(
        "https://a.example/s3cret-one/two?next=http://b.example/&last=s3cret-two",
        site="https://a.example", endpoint="/${ONE}/two?next=http://b.example/&last=${TWO}",
    )  # fmt: skip
    assert mask_of(check, ())("s3cret-one s3cret-two b.example") == "*** *** b.example"


@pytest.mark.parametrize("name", ["Accept", "accept-encoding", "User-Agent", "CONTENT-TYPE"])
def test_headers_that_hold_no_secret_are_shown(name: str) -> None:
    assert mask_of(check_of("http://a.example/"), [(name, "some-value")])("some-value") == "some-value"


def test_a_header_is_masked_as_a_whole_and_its_last_word_alone() -> None:
    mask = mask_of(check_of("http://a.example/"), [("Authorization", "Bearer  tok-en-1"), ("X-Empty", "  ")])
    assert mask("Bearer  tok-en-1, tok-en-1, Bearer") == "***, ***, Bearer"


class Changing:
    """Credentials that change."""

    def secrets(self) -> tuple[str, ...]:
        return ("changing-secret",)


def test_every_other_secret_is_masked_too() -> None:
    check = expecting("expect: {body: {contains: '${S}'}}", {"S": "asserted-secret"})
    check = replace(check, secrets=("password-1",), credentials=Changing())  # part of it
    said = "asserted-secret password-1 changing-secret late-token"
    assert mask_of(check, (), ["late-token"])(said) == "*** *** *** ***"
    mask = mask_of_value(check, (), ["late-token"])
    assert mask is not None
    assert mask(said) == "asserted-secret *** *** ***"


def test_in_a_value_only_what_proves_who_we_are_is_masked() -> None:
    check = check_of("http://a.example/")
    names = ["Authorization", "Cookie", "X-Token", "API-Key", "client-secret", "X-Passwd"]
    headers = [(name, f"the scheme value-of-{name}") for name in names]
    mask = mask_of_value(check, [*headers, ("X-Region", "eu-west-1"), ("X-Auth", " ")])
    assert mask is not None
    for name in names:
        assert mask(f"scheme value-of-{name}") == "scheme ***"
    assert mask("eu-west-1") == "eu-west-1"
    assert mask_of_value(check, [("X-Region", "eu-west-1"), ("X-Auth", "")]) is None


def test_a_line_is_one_line_and_not_too_long() -> None:
    assert one_line(" a\r\nb\0c\u2028d ", Mask(())) == "a b c d"
    assert one_line("hunter22 a", Mask(["hunter22"])) == "*** a"
    assert one_line("x" * MAX_ERROR_CHARS, Mask(())) == "x" * MAX_ERROR_CHARS
    assert one_line("x" * (MAX_ERROR_CHARS + 1), Mask(())) == "x" * (MAX_ERROR_CHARS - 1) + "…"
