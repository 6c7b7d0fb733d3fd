"""What getaddrinfo says, in the words of the port."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apistatus.probing import system_names
from apistatus.probing.names import NoAddress, Said
from apistatus.probing.system_names import SystemNames
from tests.fakes.names import answer


@pytest.fixture
async def names() -> AsyncIterator[SystemNames]:
    service = SystemNames()
    yield service
    service.close()


async def _said(names: SystemNames, name: str, family: int = 0) -> Said:
    said: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
    names.ask(name, family, said.set_result)
    return await said


def _getaddrinfo(monkeypatch: pytest.MonkeyPatch, says: Callable[[], Any]) -> list[tuple[Any, ...]]:
    asked: list[tuple[Any, ...]] = []

    def getaddrinfo(*given: Any) -> Any:
        asked.append(given)
        return says()

    monkeypatch.setattr(system_names.socket, "getaddrinfo", getaddrinfo)
    return asked


def _raising(error: Exception) -> Callable[[], Any]:
    def says() -> Any:
        raise error

    return says


async def test_addresses_come_in_the_systems_order_and_only_for_those_who_asked(
    names: SystemNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _getaddrinfo(
        monkeypatch,
        lambda: [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 0, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0)),
        ],
    )
    assert await _said(names, "a.example") == answer("2001:db8::1", "192.0.2.1")
    assert asked == [("a.example", None, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP)]
    assert not names.has_changed()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), NoAddress("no such name")),
        (
            socket.gaierror(socket.EAI_AGAIN, "x"),
            NoAddress("the name server gave no answer, or said to try later"),
        ),
        (socket.gaierror(-77, "in words of its own"), NoAddress("in words of its own")),
        (UnicodeError("label too long"), NoAddress("this is no host name")),
    ],
)
async def test_what_is_wrong_with_a_name_is_said(
    names: SystemNames, monkeypatch: pytest.MonkeyPatch, error: Exception, said: Said
) -> None:
    _getaddrinfo(monkeypatch, _raising(error))
    assert await _said(names, "a.example") == said


@pytest.mark.parametrize(
    ("error", "number"),
    [(socket.gaierror(socket.EAI_MEMORY, "x"), errno.ENOMEM), (OSError(errno.EBUSY, "busy"), errno.EBUSY)],
)
async def test_what_our_own_side_lacks_is_said_as_such(
    names: SystemNames, monkeypatch: pytest.MonkeyPatch, error: Exception, number: int
) -> None:
    _getaddrinfo(monkeypatch, _raising(error))
    said = await _said(names, "a.example")
    assert isinstance(said, OSError)
    assert said.errno == number


async def test_a_name_by_the_real_system(names: SystemNames) -> None:
    assert await _said(names, "localhost", socket.AF_INET) == answer("127.0.0.1")
