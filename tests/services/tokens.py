"""A token endpoint on loopback, and a target that takes only the tokens that it is told to take."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from apistatus.model.check import Check, TokenGrant
from tests.targets.checks import check_of
from tests.targets.server import Connection, Target, answer, read_request

SECRET = "the-client-secret"


class Tokens:
    """The behaviour of a token endpoint: `token-1`, `token-2` ... and so on, each shown once in `given`.

    `answers` are sent before that, in turn; while `held` is clear nothing is answered.
    """

    def __init__(self, *answers: bytes, expires_in: object = 3600) -> None:
        self.given: list[str] = []
        self.asked = threading.Semaphore(0)
        """Released once for each request that came."""
        self.held = threading.Event()
        self.held.set()
        self._answers = list(answers)
        self._expires_in = expires_in
        self._lock = threading.Lock()

    def __call__(self, connection: Connection, target: Target) -> None:
        read_request(connection, target)
        self.asked.release()
        while not self.held.wait(0.02):
            if target.over.is_set():
                return
        with self._lock:
            connection.sendall(self._answers.pop(0) if self._answers else self._token())

    def _token(self) -> bytes:
        self.given.append(f"token-{len(self.given) + 1}")
        told = {"access_token": self.given[-1], "token_type": "Bearer", "expires_in": self._expires_in}
        return answer(json.dumps(told).encode(), headers=("Content-Type: application/json",))


class Protected:
    """The behaviour of a target that answers 200 to `takes` and 401 to everything else; it repeats what came."""

    def __init__(self, *takes: str) -> None:
        self.takes = set(takes)
        self.came: list[str] = []
        """The tokens, in order."""
        self._lock = threading.Lock()

    def __call__(self, connection: Connection, target: Target) -> None:
        request = read_request(connection, target).decode("latin-1")
        token = request.partition("Authorization: Bearer ")[2].partition("\r\n")[0]
        with self._lock:
            self.came.append(token)
        body = json.dumps({"you": f"Bearer {token}", "old": self.came[0]}).encode()
        connection.sendall(answer(body, "200 OK" if token in self.takes else "401 Unauthorized"))


def refusal(status: str, error: str, description: str | None = None) -> bytes:
    """An error of RFC 6749, section 5.2."""
    told = {"error": error} if description is None else {"error": error, "error_description": description}
    return answer(json.dumps(told).encode(), status)


def grant_at(url: str, **changes: str) -> TokenGrant:
    """A grant at this endpoint; keywords are fields of TokenGrant."""
    return replace(TokenGrant(f"{url}token", f"{url}token", "me", SECRET), **changes)


def asking(target: Target, endpoint: Target | str, **changes: object) -> Check:
    """A check of the target with a token of the endpoint; keywords are fields of Check."""
    url = endpoint if isinstance(endpoint, str) else endpoint.url
    return replace(check_of(target.url, late_auth=grant_at(url), secrets=(SECRET,)), **changes)


@contextmanager
def both(tokens: Tokens, protected: Protected) -> Iterator[tuple[Target, Target]]:
    """A token endpoint and a target."""
    with Target(tokens) as endpoint, Target(protected) as target:
        yield endpoint, target
