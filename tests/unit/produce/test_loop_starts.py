"""How soon checks start, and how a rest ends."""

from __future__ import annotations

import asyncio
from itertools import combinations

import pytest

from apistatus.model.identity import phase_us
from tests.fakes.messages import check
from tests.unit.produce.rig import Rig

S = 1_000_000


def two_in_a_row(least_us: int, most_us: int) -> tuple[str, str, int]:
    """Two check ids, the second of which is due so long after the first."""
    phases = {phase_us(name, S): name for name in (f"check-{number}" for number in range(200))}
    for first, second in combinations(sorted(phases), 2):
        if least_us <= second - first <= most_us:
            return phases[first], phases[second], second - first
    raise LookupError


async def test_what_falls_due_within_a_rest_starts_when_a_check_ends() -> None:
    first, second, apart_us = two_in_a_row(400, 700)
    rig = Rig(check(first), check(second))
    # The loop rests for a millisecond at least, and the second check is due before that is over.
    rig.prober.lasts_s = lambda made: (apart_us + 100) / 1e6 if made.id == first else 0.0
    await rig.run(1.0)
    [delay_us] = [result.start_delay_us for result in rig.publisher.results if result.check == second]
    assert delay_us == pytest.approx(100, abs=1)


async def test_when_none_ends_it_starts_at_the_end_of_the_rest() -> None:
    first, second, apart_us = two_in_a_row(400, 700)
    rig = Rig(check(first), check(second))
    rig.prober.lasts_s = lambda _check: 0.1
    await rig.run(1.5)
    [delay_us] = [result.start_delay_us for result in rig.publisher.results if result.check == second][:1]
    assert delay_us == pytest.approx(1_000 - apart_us, abs=1)


async def test_being_woken_ends_the_rest_and_not_the_run() -> None:
    rig = Rig(check("home"))
    await rig.wait(0.2)
    assert rig.running is not None
    for _ in range(3):
        rig.loop._wake()
        rig.loop._wake()
        await asyncio.sleep(0)
    assert not rig.running.cancelling()
    assert (await rig.run(2.0)).made == 2


async def test_who_cancels_the_run_at_the_moment_it_is_woken_is_obeyed() -> None:
    rig = Rig(check("home"))
    await rig.wait(0.2)
    assert rig.running is not None
    rig.loop._wake()
    rig.running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rig.running
    assert rig.prober.closed
