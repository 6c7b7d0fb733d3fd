"""A deadline is kept, and what came before it counts though the loop looked at it late."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from time import monotonic

import pytest
import uvloop

from apistatus.probing.deadlines import Within

both_loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
Run = Callable[[Awaitable[None]], None]


@both_loops
def test_what_came_in_time_counts_though_the_loop_stood_still(run: Run) -> None:
    async def test() -> None:
        reader, writer = socket.socketpair()
        with reader, writer:
            reader.setblocking(False)
            loop = asyncio.get_running_loop()
            loop.call_later(0.01, lambda: (writer.send(b"x"), time.sleep(0.2)))
            async with Within(monotonic() + 0.1) as limit:
                assert await loop.sock_recv(reader, 1) == b"x"
            assert not limit.has_passed

    run(test())


@both_loops
def test_past_it_there_is_a_timeout_and_not_a_moment_early(run: Run) -> None:
    async def test() -> None:
        deadline_s = monotonic() + 0.05
        limit = Within(deadline_s)
        with pytest.raises(TimeoutError):
            async with limit:
                await asyncio.Event().wait()
        assert limit.has_passed
        assert monotonic() >= deadline_s

    run(test())


async def test_a_timeout_of_something_else_is_told_apart() -> None:
    limit = Within(monotonic() + 60)
    with pytest.raises(TimeoutError):
        async with limit:
            raise TimeoutError
    assert not limit.has_passed


async def test_a_deadline_that_has_passed_ends_what_would_wait() -> None:
    limit = Within(monotonic() - 1)
    with pytest.raises(TimeoutError):
        async with limit:
            await asyncio.Event().wait()
    assert limit.has_passed
