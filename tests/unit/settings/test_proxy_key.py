"""`proxy` and `http_version`: what of the file reaches the check."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.model.check import Proxy
from tests.unit.settings.readers import home, load_one


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy.example.com:3128", Proxy("http", "proxy.example.com", 3128)),
        ("https://Proxy.example.com:443/", Proxy("https", "proxy.example.com", 443)),
        ("socks5://127.0.0.1:1080", Proxy("socks5", "127.0.0.1", 1080)),
        ("socks5h://[2001:db8::1]:1080", Proxy("socks5", "2001:db8::1", 1080)),
        ("http://bücher.example:8080", Proxy("http", "xn--bcher-kva.example", 8080)),
        ("http://me:p%40ss%3A%20w%C3%B6rd@a:1", Proxy("http", "a", 1, "me", "p@ss: wörd")),
        ("http://me@a:1", Proxy("http", "a", 1, "me", "")),
        ("http://me:a@b@c:1", Proxy("http", "c", 1, "me", "a@b")),
    ],
)
def test_a_proxy_is_taken_apart(tmp_path: Path, text: str, proxy: Proxy) -> None:
    assert home(tmp_path, f"proxy: '{text}'").proxy == proxy


def test_its_password_is_a_secret_in_every_form_it_is_sent_in(tmp_path: Path) -> None:
    check = load_one(
        tmp_path,
        "readers: [{name: A, url: https://a.example/, proxy: 'http://me:${P}@b:1', auth: {bearer: t0ken}}]",
        {"P": "pass%20word"},
    )
    assert check.secrets == ("t0ken", "pass word", "bWU6cGFzcyB3b3Jk")
    assert "pass word" not in repr(check)


def test_null_takes_the_proxy_of_the_defaults_away(tmp_path: Path) -> None:
    text = "defaults: {proxy: http://a:1, http_version: 2}\nreaders: [{name: A, url: https://a.example/, proxy: null}]"
    check = load_one(tmp_path, text)
    assert (check.proxy, check.http_version) == (None, "2")


@pytest.mark.parametrize("text", ["2", "'2'", "1.1", "'1.1'", "null"])
def test_the_version_may_be_written_as_a_number(tmp_path: Path, text: str) -> None:
    assert home(tmp_path, f"http_version: {text}").http_version == ("2" if "2" in text else "1.1")
