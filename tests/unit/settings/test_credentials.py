"""`auth`, and headers and tokens that stand in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.settings import credentials
from tests.unit.settings.readers import home, load_text, mistakes_in


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "LOOK_AGAIN_S", 0.0)


def test_basic_is_utf_8_in_base64_and_a_secret(tmp_path: Path) -> None:
    check = home(tmp_path, "auth: {basic: {username: me, password: '${PW}'}}", {"PW": "pässword"})
    assert check.headers == (("Authorization", "Basic bWU6cMOkc3N3b3Jk"),)
    assert check.secrets == ("pässword",)
    assert check.credentials is None
    assert "pässword" not in repr(check)


def test_bearer_is_sent_as_it_is(tmp_path: Path) -> None:
    check = home(tmp_path, "auth: {bearer: abc.def}, headers: {Accept: text/html}")
    assert check.headers == (("Accept", "text/html"), ("Authorization", "Bearer abc.def"))


def test_auth_of_defaults_is_taken_away_by_null_and_replaced_whole(tmp_path: Path) -> None:
    text = """
defaults: {auth: {bearer: abc}}
readers:
  - {name: A, url: http://a}
  - {name: B, url: http://b, auth: null}
  - {name: C, url: http://c, auth: {basic: {username: u, password: p}}}
"""
    assert [len(check.headers) for check in load_text(tmp_path, text)] == [1, 0, 1]


@pytest.mark.parametrize("value", ["a b", "a\nb", "", "ä"])
def test_a_token_that_cannot_be_sent_is_refused_without_being_told(tmp_path: Path, value: str) -> None:
    text = "readers: [{name: A, url: http://a, auth: {bearer: '${TOKEN}'}}]"
    (said,) = mistakes_in(tmp_path, text, {"TOKEN": value})
    assert said.endswith("readers[0].auth: the token must be ASCII in one line, without spaces")


def test_a_file_that_changes_changes_the_headers(tmp_path: Path) -> None:
    token, key = tmp_path / "token", tmp_path / "key"
    token.write_text("one\n")
    key.write_text("k1")
    check = home(
        tmp_path,
        "headers: {X-Key: '${P}-${file:key}', Accept: a/b}, auth: {bearer: '${file:token}'}",
        {"P": "p"},
    )
    assert check.credentials is not None
    before = check.credentials.headers()
    assert before == (("X-Key", "p-k1"), ("Accept", "a/b"), ("Authorization", "Bearer one"))
    assert check.credentials.headers() is before
    token.write_text("twotwo\n")
    assert check.credentials.headers()[2] == ("Authorization", "Bearer twotwo")
    assert check.credentials.secrets() == ("twotwo",)
    key.write_text("k22")
    assert check.credentials.headers()[0] == ("X-Key", "p-k22")


def test_a_link_that_is_turned_to_another_file_is_a_change(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).write_text(name)
    link = tmp_path / "token"
    link.symlink_to("old")
    check = home(tmp_path, "auth: {bearer: '${file:token}'}")
    assert check.credentials is not None
    assert check.credentials.headers() == (("Authorization", "Bearer old"),)
    swap = tmp_path / "swap"
    swap.symlink_to("new")
    swap.replace(link)
    assert check.credentials.headers() == (("Authorization", "Bearer new"),)


@pytest.mark.parametrize("content", [None, b"", b"a b", b"\xff", b"a\0b", b"x" * 70_000])
def test_a_file_that_is_away_or_useless_leaves_the_last_headers(
    tmp_path: Path, content: bytes | None
) -> None:
    token = tmp_path / "token"
    token.write_text("one")
    check = home(tmp_path, "auth: {bearer: '${file:token}'}")
    assert check.credentials is not None
    if content is None:
        token.unlink()
    else:
        token.write_bytes(content)
    for _ in range(2):
        assert check.credentials.headers() == (("Authorization", "Bearer one"),)
    token.write_text("three")
    assert check.credentials.headers() == (("Authorization", "Bearer three"),)


def test_files_are_looked_at_once_a_second_at_the_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "LOOK_AGAIN_S", 3600.0)
    token = tmp_path / "token"
    token.write_text("one")
    check = home(tmp_path, "auth: {bearer: '${file:token}'}")
    assert check.credentials is not None
    token.write_text("twotwo")
    assert check.credentials.headers() == (("Authorization", "Bearer one"),)
