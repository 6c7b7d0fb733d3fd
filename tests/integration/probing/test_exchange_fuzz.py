"""Responses damaged in every way that hypothesis thinks of: httpx's exceptions or none, and nothing left open."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apistatus.probing.exchange_transport import ExchangeTransport
from tests.targets.server import Connection, Target, answer, read_request, reset

CASES = int(os.environ.get("APISTATUS_TEST_FUZZ_CASES", "300"))
"""10,000 take two minutes."""
WHOLE = (
    answer(b'{"value": 1}', headers=("Content-Type: application/json",)),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(b"1"),
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    answer(b"", status="204 No Content"),
)
PIECES = (
    b"\r\n", b"\n", b"\r", b"\0", b":", b" ", b"HTTP/1.1 ", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Connection: close\r\n",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b"ffffffffffffffff\r\n", b"0\r\n\r\n", b"\xff\xfe",
)  # fmt: skip

damage = st.tuples(
    st.integers(0, 400), st.integers(0, 8), st.one_of(st.sampled_from(PIECES), st.binary(max_size=6))
)
"""Where, how many bytes are taken away there, and what is put in their place."""


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """One whole response or garbage, damaged up to six times."""
    data = draw(st.one_of(st.sampled_from(WHOLE), st.binary(max_size=80)))
    for at, gone, put in draw(st.lists(damage, max_size=6)):
        data = data[:at] + put + data[at + gone :]
    return data


class Rig:
    """A target that sends whatever it is told, and a client of it, in a loop of their own."""

    def __init__(self) -> None:
        self.next: tuple[bytes, int, bool] = (b"", 0, False)
        self.runner = asyncio.Runner()
        self.transport = ExchangeTransport(keep_alive=True, longest_s=0.2)

    def behave(self, connection: Connection, target: Target) -> None:
        while read_request(connection):
            data, cut, resets = self.next
            connection.sendall(data[:cut])
            connection.sendall(data[cut:])
            if resets:
                reset(connection)
                return
            if b"Connection: close" in data or b"Content-Length" not in data:
                return

    async def fetch(self, url: str) -> None:
        async with asyncio.timeout(20):
            try:
                response = await self.transport.handle_async_request(httpx.Request("GET", url))
                await response.aread()
                await response.aclose()
            except httpx.TransportError:
                pass
        await asyncio.sleep(0)
        assert not self.transport._open
        assert len(asyncio.all_tasks()) == 1


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.runner.run(rig.transport.aclose())
    rig.runner.close()


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_damaged_responses_end_in_httpx_s_exceptions_and_leave_nothing_open(rig: Rig) -> None:
    with Target(rig.behave) as target:

        @settings(
            max_examples=CASES, deadline=None, database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )  # fmt: skip
        @given(responses(), st.integers(0, 200), st.booleans())
        def fetch(data: bytes, cut: int, resets: bool) -> None:
            rig.next = (data, cut, resets)
            rig.runner.run(rig.fetch(target.url))

        rig.next = (answer(), 0, False)
        rig.runner.run(rig.fetch(target.url))
        gc.collect()
        before = _open_files()
        fetch()
        gc.collect()
        # What the target still holds open counts too: as many as are kept.
        for _ in range(target.accepted - 1 - len(rig.transport._kept)):
            assert target.gone.acquire(timeout=20)
        assert _open_files() <= before + 2 * len(rig.transport._kept) + 2
    assert target.accepted > CASES // 10
