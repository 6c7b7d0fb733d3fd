"""What checks share and somebody has to fetch: one fetch for all, before it ends, and not too often."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from apistatus.probing.auth_errors import NoCredentials
from apistatus.probing.exchange_errors import ClosedByUs
from apistatus.probing.supply import Held, Supply
from tests.fakes.clock import VirtualClock

LATER_S = 3600.0


class Spring:
    """A source whose fetches end when they are told to: `tok-1`, `tok-2` ..., of 100 s each."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.fetches = 0
        self.says: Exception | None = None
        self.value: str | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self) -> Held[str]:
        self.fetches += 1
        await self.open.wait()
        if self.says is not None:
            raise self.says
        now_ns = self._clock.now_ns
        return Held(self.value or f"tok-{self.fetches}", now_ns + 75_000_000_000, now_ns + 95_000_000_000)

    def unfinished(self) -> str:
        return "it has not answered"


class Stand:
    """A supply with everything around it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.spring = Spring(self.clock)
        self.tasks: set[asyncio.Task[object]] = set()
        self.supply = Supply(self.spring, self.clock, self.tasks)

    async def get(self, within_s: float = LATER_S) -> str:
        return await self.supply.get(monotonic() + within_s)

    async def in_place_of(self, refused: str) -> str | None:
        return await self.supply.in_place_of(refused, monotonic() + LATER_S)

    async def settle(self) -> None:
        """Let fetches under way end."""
        await asyncio.gather(*self.tasks)
        await asyncio.sleep(0)

    def pass_s(self, seconds: float) -> None:
        self.clock.now_ns += int(seconds * 1e9)


async def test_all_who_ask_at_once_share_one_fetch_and_later_ones_what_it_brought() -> None:
    stand = Stand()
    assert await asyncio.gather(*(stand.get() for _ in range(100))) == ["tok-1"] * 100
    stand.pass_s(74)
    assert await stand.get() == "tok-1"
    assert stand.spring.fetches == 1


async def test_shortly_before_its_end_the_next_is_fetched_and_nobody_waits_for_it() -> None:
    stand = Stand()
    await stand.get()
    stand.pass_s(76)
    stand.spring.open.clear()
    assert [await stand.get(), await stand.get()] == ["tok-1", "tok-1"]
    stand.spring.open.set()
    await stand.settle()
    assert (await stand.get(), stand.spring.fetches) == ("tok-2", 2)


async def test_what_has_ended_is_not_used_any_more() -> None:
    stand = Stand()
    await stand.get()
    stand.pass_s(95)
    assert await stand.get() == "tok-2"


async def test_while_the_next_cannot_be_had_the_old_serves_to_its_end() -> None:
    stand = Stand()
    await stand.get()
    stand.spring.says = NoCredentials("refused")
    stand.pass_s(76)
    assert await stand.get() == "tok-1"
    await stand.settle()
    stand.pass_s(18)
    assert await stand.get() == "tok-1"
    await stand.settle()
    stand.pass_s(1)
    with pytest.raises(NoCredentials, match=r"^refused \(asked 1\.0 s ago\)$"):
        await stand.get()


async def test_a_failure_is_told_to_all_and_remembered_for_longer_each_time() -> None:
    stand = Stand()
    stand.spring.says = NoCredentials("no answer")
    told = await asyncio.gather(*(stand.get() for _ in range(50)), return_exceptions=True)
    assert {str(one) for one in told} == {"no answer"}
    assert len({id(one) for one in told}) == 50  # each has its own, or their traces would grow for ever
    paused = []
    for _ in range(6):
        fetches, waited_s = stand.spring.fetches, 0.0
        while stand.spring.fetches == fetches:
            with pytest.raises(NoCredentials, match="no answer"):
                await stand.get()
            stand.pass_s(0.5)
            waited_s += 0.5
        paused.append(waited_s - 0.5)
    assert paused == [1.0, 1.5, 3.5, 7.5, 15.5, 15.5]
    stand.spring.says = None
    stand.pass_s(16)
    assert await stand.get() == f"tok-{stand.spring.fetches}"


async def test_after_a_success_the_next_failure_is_a_first_one_again() -> None:
    stand = Stand()
    for says in (NoCredentials("a"), NoCredentials("a"), None):
        stand.spring.says = says
        if says:
            with pytest.raises(NoCredentials):
                await stand.get()
        else:
            await stand.get()
        stand.pass_s(2)
    stand.spring.says = NoCredentials("b")
    stand.pass_s(100)
    with pytest.raises(NoCredentials):
        await stand.get()
    stand.pass_s(1)
    stand.spring.says = None
    assert await stand.get() == "tok-5"


async def test_a_fault_of_our_own_stays_one() -> None:
    stand = Stand()
    stand.spring.says = NoCredentials("no file descriptor", "internal")
    for _ in range(2):
        with pytest.raises(NoCredentials) as caught:
            await stand.get()
        assert caught.value.kind == "internal"


async def test_who_runs_out_of_time_leaves_the_fetch_to_the_others() -> None:
    stand = Stand()
    stand.spring.open.clear()
    patient = asyncio.create_task(stand.get())
    with pytest.raises(NoCredentials, match="it has not answered"):
        await stand.get(within_s=0.0)
    cancelled = asyncio.create_task(stand.get())
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    stand.spring.open.set()
    assert (await patient, stand.spring.fetches) == ("tok-1", 1)


async def test_what_was_refused_is_replaced_once_for_all_who_had_it() -> None:
    stand = Stand()
    await stand.get()
    told = await asyncio.gather(*(stand.in_place_of("tok-1") for _ in range(50)))
    assert told == ["tok-2"] * 50
    assert await stand.in_place_of("tok-1") == "tok-2"  # one who heard of it later
    assert (await stand.get(), stand.spring.fetches) == ("tok-2", 2)


async def test_when_a_new_one_does_not_help_nothing_is_replaced_for_five_seconds() -> None:
    stand = Stand()
    await stand.get()
    assert await stand.in_place_of("tok-1") == "tok-2"
    stand.supply.was_in_vain()
    stand.pass_s(4.9)
    assert (await stand.in_place_of("tok-2"), stand.spring.fetches) == (None, 2)
    stand.pass_s(0.1)
    assert await stand.in_place_of("tok-2") == "tok-3"


async def test_the_same_again_is_no_replacement() -> None:
    stand = Stand()
    stand.spring.value = "always"
    await stand.get()
    assert await stand.in_place_of("always") is None
    assert await stand.in_place_of("always") is None
    assert stand.spring.fetches == 2


async def test_a_replacement_that_cannot_be_had_leaves_the_old_one_to_others() -> None:
    stand = Stand()
    await stand.get()
    stand.spring.says = NoCredentials("down")
    with pytest.raises(NoCredentials, match="down"):
        await stand.in_place_of("tok-1")
    assert await stand.get() == "tok-1"


async def test_a_fetch_that_is_given_up_is_our_own_doing() -> None:
    stand = Stand()
    stand.spring.open.clear()
    waiting = asyncio.create_task(stand.get())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in list(stand.tasks):
        task.cancel()
    with pytest.raises(ClosedByUs):
        await waiting
    stand.spring.open.set()
    assert await stand.get() == "tok-2"


async def test_a_defect_in_a_fetch_reaches_who_waits_and_holds_up_nobody_after() -> None:
    stand = Stand()
    stand.spring.says = TypeError("a defect")
    with pytest.raises(TypeError, match="a defect"):
        await stand.get()
    stand.spring.says = None
    assert await stand.get() == "tok-2"
