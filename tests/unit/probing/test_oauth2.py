"""Token requests as they go out, and what their answers mean."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from apistatus.model.check import TokenGrant
from apistatus.probing.hop_plan import written
from apistatus.probing.masking import Mask
from apistatus.probing.oauth2 import read_answer, token_check
from apistatus.probing.redirects import Hop

GRANT = TokenGrant("https://auth.example/token", "https://auth.example/token", "s6BhdRkqt3", "gX1fBat3bV")


def _sent(grant: TokenGrant) -> tuple[dict[str, str], str]:
    check = token_check(grant)
    request = written(Hop(check.method, httpx.URL(check.url), check.headers, check.body, check.tls)).decode()
    head, _, body = request.partition("\r\n\r\n")
    line, *lines = head.split("\r\n")
    assert line == "POST /token HTTP/1.1"
    return {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}, body


def test_the_request_is_that_of_the_standard() -> None:
    # RFC 6749, sections 2.3.1 (this client and its header) and 4.4.2 (this form).
    headers, body = _sent(GRANT)
    assert headers["authorization"] == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert body == "grant_type=client_credentials"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, {"error": "e" * 195 + "s3cret-value", "error_description": "s3cret-value" * 20}),
        (200, {"access_token": "a", "token_type": "x" * 35 + "s3cret-value"}),
    ],
)
def test_a_secret_that_an_answer_repeats_is_masked_before_the_answer_is_shortened(
    status: int, told: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=f"it answered {status}") as refused:
        read_answer(status, json.dumps(told), Mask(["s3cret-value"]))
    assert "s3c" not in str(refused.value)


def test_name_and_secret_are_encoded_before_they_go_into_basic() -> None:
    # RFC 6749, section 2.3.1 and appendix B.
    headers, _ = _sent(replace(GRANT, client_id="a:b c", client_secret="1+2%ä"))
    proof = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert proof == "a%3Ab+c:1%2B2%25%C3%A4"


def test_the_form_holds_what_was_asked_for() -> None:
    grant = replace(GRANT, scope="read write", audience="https://api/", client_auth="body")
    headers, body = _sent(grant)
    assert "authorization" not in headers
    assert body == (
        "grant_type=client_credentials&scope=read+write&audience=https%3A%2F%2Fapi%2F"
        "&client_id=s6BhdRkqt3&client_secret=gX1fBat3bV"
    )


def test_a_token_request_follows_no_redirect() -> None:
    assert not token_check(GRANT).follow_redirects


@pytest.mark.parametrize(
    ("expires_in", "lifetime_s"),
    [
        (3600, 3600.0), ("3600", 3600.0), (0.5, 0.5), (10**30, 86_400.0), (1e400, 86_400.0), (None, 300.0),
        (0, 300.0), (-5, 300.0), ("soon", 300.0), (True, 300.0), ([], 300.0), (float("nan"), 300.0),
    ],
    ids=repr,
)  # fmt: skip
def test_how_long_a_token_serves(expires_in: object, lifetime_s: float) -> None:
    told = json.dumps({"access_token": "abc", "token_type": "bearer", "expires_in": expires_in})
    assert read_answer(200, told) == ("abc", lifetime_s)


def test_a_token_without_further_words_is_a_bearer_token_of_five_minutes() -> None:
    assert read_answer(200, '{"access_token": "abc"}') == ("abc", 300.0)


@pytest.mark.parametrize(
    ("status", "told", "says"),
    [
        (400, {"error": "invalid_scope"}, "it answered 400 Bad Request, invalid_scope"),
        (401, {"error": "invalid_client", "error_description": "Unknown client"},
         "it answered 401 Unauthorized, invalid_client: Unknown client"),
        (400, {"error": "e" * 300, "error_description": ["no text"]}, f"it answered 400 Bad Request, {'e' * 200}"),
        (200, {"error": "bad_verification_code"}, "it answered 200 OK, bad_verification_code"),
        (500, "<h1>Oops</h1>", "it answered 500 Internal Server Error"),
        (599, "", "it answered 599"),
        (302, "", "it answered 302 Found: redirects are not followed, write the final address"),
        (200, "<html>", "it answered 200 OK, but what came is no JSON object"),
        (200, "[" * 100_000, "it answered 200 OK, but what came is no JSON object"),
        (200, "9" * 5_000, "it answered 200 OK, but what came is no JSON object"),
        (200, [1], "it answered 200 OK, but what came is no JSON object"),
        (200, {}, "it answered 200 OK, but without an access_token"),
        (200, {"access_token": ""}, "it answered 200 OK, but without an access_token"),
        (200, {"access_token": 5}, "it answered 200 OK, but without an access_token"),
        (200, {"access_token": "a\r\nX: b"}, "it answered 200 OK, but the access_token cannot stand in a header"),
        (200, {"access_token": "a", "token_type": "mac"},
         "it answered 200 OK, but the token_type is mac, not Bearer"),
        (200, {"access_token": "a", "token_type": 7}, "it answered 200 OK, but the token_type is 7, not Bearer"),
    ],
)  # fmt: skip
def test_what_is_no_token_is_told_as_what_it_is(status: int, told: Any, says: str) -> None:
    text = told if isinstance(told, str) else json.dumps(told)
    with pytest.raises(ValueError, match=r".") as caught:
        read_answer(status, text)
    assert str(caught.value) == says


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BearerToken", None])
def test_bearer_is_written_in_several_ways(kind: str | None) -> None:
    assert read_answer(200, json.dumps({"access_token": "a", "token_type": kind}))[0] == "a"
