"""What counts as an answer of a reference: real sockets, and the prober that asks in the program."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path

import pytest

from apistatus.probing import references
from apistatus.runtime.clock import SystemClock
from apistatus.settings.schema import ProbeSettings
from apistatus.wiring.connectivity import references_of
from tests.targets import behaviours
from tests.targets.certificates import DAY, issue, server_context
from tests.targets.server import Behaviour, Connection, Target, answer, read_request, replies, reset


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is held up for a tenth of a second would meet this limit before that of each reference."""
    monkeypatch.setattr(references, "PATIENCE_S", 60.0)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """For references that answer: how long they may take is not what is tested."""
    monkeypatch.setattr(references, "_TIMEOUT_US", 20_000_000)


async def asked(*urls: str, deny: tuple[str, ...] = ()) -> tuple[str | None, list[str]]:
    """What `silence` says of references at these URLs, and how the asking ended."""
    ends: list[str] = []
    probe = ProbeSettings(deny_networks=tuple(ipaddress.ip_network(one) for one in deny))
    asking = references_of(urls, probe, SystemClock(), lambda ended, _said: ends.append(ended))
    try:
        return await asking.silence(), ends
    finally:
        await asking.aclose()


def _endless(connection: Connection, target: Target) -> None:
    """A body that never ends, without its length."""
    read_request(connection, target)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not target.over.wait(0.01):
        connection.sendall(b"x" * 1000)


def _head_only(connection: Connection, target: Target) -> None:
    """A head, and then nothing until the other side leaves."""
    read_request(connection, target)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while connection.recv(65_536):
        pass


ANSWERS: dict[str, Behaviour] = {
    "200": behaviours.ok,
    "a body far beyond what is read": replies(answer(b"x" * 5_000_000)),
    "an endless body": _endless,
    "a head and no more": _head_only,
    "204": replies(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "404": replies(answer(status="404 Not Found")),
    "500": replies(answer(status="500 Internal Server Error")),
    "999": replies(answer(status="999 Odd")),
    "a body cut off": replies(answer(b"half", length=100)),
    "a coding that was not asked for": replies(answer(headers=("Content-Encoding: br",))),
}


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("behaviour", ANSWERS.values(), ids=ANSWERS)
async def test_any_response_is_an_answer(behaviour: Behaviour) -> None:
    with Target(behaviour) as target:
        assert await asked(target.url) == (None, ["answered"])
        assert target.accepted == 1
        assert target.requests[0].startswith(b"GET / HTTP/1.1\r\n")


def _closes(connection: Connection, target: Target) -> None:
    read_request(connection, target)


SILENT: dict[str, tuple[Behaviour, str]] = {
    "closes": (_closes, "closed the connection without an answer"),
    "resets": (lambda connection, target: reset(connection), ""),
    "is not HTTP": (replies(b"SSH-2.0-OpenSSH_9.6\r\n"), "does not speak proper HTTP/1.1"),
    "says nothing": (behaviours.silent, "sent nothing within 1.9 s"),
    "drips its head": (behaviours.drips_its_head, "did not end within 1.9 s"),
}


@pytest.mark.parametrize(("behaviour", "said"), SILENT.values(), ids=SILENT)
async def test_what_is_no_response_is_none(behaviour: Behaviour, said: str) -> None:
    with Target(behaviour) as target:
        silence, ended = await asked(target.url)
    assert ended == ["failed"]
    assert silence is not None
    assert said in silence


@pytest.mark.usefixtures("unhurried")
async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with Target(behaviours.ok) as elsewhere:
        moved = answer(status="302 Found", headers=(f"Location: {elsewhere.url}",))
        with Target(replies(moved)) as target:
            assert await asked(target.url) == (None, ["answered"])
        assert elsewhere.accepted == 0


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("valid", [(-DAY, DAY), (-2 * DAY, -DAY), (DAY, 2 * DAY)])
async def test_no_certificate_is_verified(tmp_path: Path, valid: tuple[timedelta, timedelta]) -> None:
    own = issue("self-signed", names=("elsewhere.example",), valid=valid)
    with Target(behaviours.ok, server_context(tmp_path, own)) as target:
        assert await asked(target.url) == (None, ["answered"])


async def test_a_denied_reference_is_not_connected_to_and_proves_nothing() -> None:
    with Target(behaviours.ok) as target:
        assert await asked(target.url, deny=("127.0.0.0/8",)) == (None, ["denied"])
        assert target.accepted == 0


@pytest.mark.usefixtures("unhurried")
async def test_one_that_answers_ends_the_wait_for_one_that_does_not() -> None:
    with Target(behaviours.silent) as silent, Target(behaviours.ok) as target:
        assert await asked(silent.url, target.url) == (None, ["answered"])
