"""Token endpoints that give no token: RFC 6749 (OAuth 2.0), section 4.4. The target itself is well."""

from __future__ import annotations

from typing import Final

from tests.targets.case import UP, Case, Truth
from tests.targets.server import Behaviour, Connection, Target, answer, read_request

_NO_TOKEN: Final = Truth("down", "auth")
_JSON: Final = ("Content-Type: application/json",)


def gives(token_answer: bytes) -> Behaviour:
    """A token endpoint at `/token`; everywhere else a target that wants the token `abc`."""

    def behaviour(connection: Connection, target: Target) -> None:
        request = read_request(connection, target)
        if request.split()[1] == b"/token":
            connection.sendall(token_answer)
        elif b"\r\nauthorization: bearer abc\r\n" in request.lower():
            connection.sendall(answer(b"hello"))
        else:
            connection.sendall(answer(b"who are you?", "401 Unauthorized"))

    return behaviour


def _wants(place: str = "port", path: str = "/token") -> str:
    url = f"http://127.0.0.1:{{{place}}}{path}"
    return f"auth: {{oauth2: {{token_url: '{url}', client_id: us, client_secret: ours}}}}"


def _case(name: str, token_answer: bytes, truth: Truth, source: str) -> Case:
    return Case(name, gives(token_answer), truth, source, _wants())


CASES: Final = (
    _case("a token", answer(b'{"access_token": "abc", "token_type": "Bearer", "expires_in": 60}', headers=_JSON), UP,
          "RFC 6749, 5.1"),
    _case("a token that the target does not take", answer(b'{"access_token": "x", "token_type": "Bearer"}',
          headers=_JSON),
          Truth("down", "status"), "RFC 6750, 3"),
    _case("a refused client", answer(b'{"error": "invalid_client"}', "401 Unauthorized", _JSON), _NO_TOKEN,
          "RFC 6749, 5.2"),
    _case("a token endpoint that fails", answer(b"oops", "500 No"), _NO_TOKEN, "RFC 6749, 5.2"),
    _case("a token endpoint that answers with a page", answer(b"<html>Log in</html>"), _NO_TOKEN, "RFC 6749, 5.1"),
    _case("a token endpoint without a token", answer(b'{"token_type": "Bearer"}', headers=_JSON), _NO_TOKEN,
          "RFC 6749, 5.1"),
    _case("a token that no header can hold", answer(b'{"access_token": "a\\r\\nb", "token_type": "Bearer"}',
          headers=_JSON),
          _NO_TOKEN, "RFC 6750, 2.1"),
    _case("a token endpoint that leads elsewhere", answer(b"", "302 Found", ("Location: /elsewhere",)), _NO_TOKEN,
          "RFC 6749, 3.2: a secret follows no redirect"),
    _case("a token endpoint that breaks off", b"HTTP/1.1 200 OK\r\nContent-Le", _NO_TOKEN, "RFC 9112, 8"),
    Case("a token endpoint that is closed", gives(b""), _NO_TOKEN, "RFC 6749, 4.4", _wants("closed")),
)  # fmt: skip
