"""What no line may show."""

from __future__ import annotations

import pytest

from apistatus.model.result import MAX_ERROR_CHARS
from apistatus.probing.masking import Mask, mask_of, one_line
from tests.targets.checks import check_of


@pytest.mark.parametrize(
    ("secrets", "text", "masked"),
    [
        (["hunter22"], "a hunter22 b hunter22", "a *** b ***"),
        (["hunter22", "hunter22-and-more"], "hunter22-and-more", "***"),
        (['qu"ote'], 'seen: "qu\\"ote", qu"ote', 'seen: "***", ***'),
        (["abc"], "abc", "abc"),
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


def test_a_line_is_one_line_and_not_too_long() -> None:
    assert one_line(" a\r\nb\0c\u2028d ", Mask(())) == "a b c d"
    long = one_line("x" * 2_000, Mask(()))
    assert len(long) == MAX_ERROR_CHARS
    assert long.endswith("…")
