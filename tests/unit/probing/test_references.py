"""When references are asked, how long what they said holds, and who waits for it: on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import pytest

from apistatus.model.check import Check
from apistatus.model.result import Outcome
from apistatus.probing.references import Asking, References, as_check
from tests.fakes.clock import VirtualClock
from tests.fakes.prober import ScriptedProber

T = TypeVar("T")
ANSWER = Outcome(status="up", status_code=204)
SILENCE = Outcome(status="down", failure="connect_refused", error="192.0.2.1:80 refused the connection")
DENIED = Outcome(status="down", failure="blocked", error="192.0.2.1 is denied")
ONE, TWO, THREE = "http://192.0.2.1/", "http://192.0.2.2/", "http://192.0.2.3/"


class Asked:
    """References over a scripted prober; what each asking ended in is kept."""

    def __init__(self, *urls: str) -> None:
        self.clock = VirtualClock()
        self.prober = ScriptedProber(self.clock)
        self.made = 0
        self.ended: list[tuple[Asking, str]] = []
        self.references = References(
            urls, self.clock, self._make, lambda ended, said: self.ended.append((ended, said))
        )

    def _make(self) -> ScriptedProber:
        self.made += 1
        return self.prober

    def say(self, *outcomes: Outcome, lasts_s: tuple[float, ...] = ()) -> None:
        """The outcome of each reference from now on, in order, and how long it takes."""
        self.prober.outcome = _each(outcomes)
        self.prober.lasts_s = _each(lasts_s) if lasts_s else lambda _check: 0.0

    @property
    def times(self) -> int:
        return len(self.ended)


def _each(values: tuple[T, ...]) -> Callable[[Check], T]:
    return lambda check: values[min(int(check.id[len("connectivity[") : -1]), len(values)) - 1]


async def test_without_references_nobody_is_asked_and_no_prober_made() -> None:
    asked = Asked()
    assert await asked.references.silence() is None
    assert (asked.made, asked.prober.started, len(asked.references)) == (0, [], 0)


async def test_the_prober_is_made_at_the_first_need() -> None:
    asked = Asked(ONE)
    assert asked.made == 0
    asked.say(ANSWER)
    await asked.references.silence()
    await asked.clock.sleep(6)
    await asked.references.silence()
    assert (asked.made, asked.times) == (1, 2)


async def test_silence_is_what_all_of_them_said() -> None:
    asked = Asked(ONE, TWO)
    other = Outcome(status="down", failure="dns", error="no such name")
    asked.say(SILENCE, other)
    said = "192.0.2.1:80 refused the connection; no such name"
    assert await asked.references.silence() == said
    assert asked.ended == [("failed", said)]


async def test_one_answer_is_enough_and_the_others_are_not_waited_for() -> None:
    asked = Asked(ONE, TWO, THREE)
    asked.say(SILENCE, ANSWER, SILENCE, lasts_s=(0.0, 0.1, 1.5))
    assert await asked.references.silence() is None
    assert asked.clock.now_ns == 100_000_000
    assert asked.prober.open.total() == 0
    assert asked.ended == [("answered", "")]


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(status="down", failure="status", status_code=500),
        Outcome(status="down", failure="timeout", status_code=200, error="the response did not end"),
        Outcome(status="inconclusive", failure="internal", status_code=302),
    ],
)
async def test_any_status_is_an_answer(outcome: Outcome) -> None:
    asked = Asked(ONE)
    asked.say(outcome)
    assert await asked.references.silence() is None


@pytest.mark.parametrize(
    "outcome", [SILENCE, Outcome(status="down", failure="tls_handshake"), Outcome(status="inconclusive")]
)
async def test_no_status_is_none(outcome: Outcome) -> None:
    asked = Asked(ONE)
    asked.say(outcome)
    assert await asked.references.silence() == (outcome.error or "no response")


async def test_after_two_seconds_no_answer_counts_as_none() -> None:
    asked = Asked(ONE, TWO)
    asked.say(SILENCE, ANSWER, lasts_s=(0.0, 60.0))
    assert await asked.references.silence() == "192.0.2.1:80 refused the connection; no answer within 2 s"
    assert asked.clock.now_ns == 2_000_000_000
    assert asked.prober.open.total() == 0


async def test_an_answer_in_the_last_moment_counts() -> None:
    asked = Asked(ONE)
    asked.say(ANSWER, lasts_s=(1.999,))
    assert await asked.references.silence() is None


async def test_what_fails_at_the_same_time_shares_one_asking() -> None:
    asked = Asked(ONE)
    asked.say(SILENCE, lasts_s=(1.0,))
    waiting = [asyncio.ensure_future(asked.references.silence()) for _ in range(50)]
    await asked.clock.sleep(0.5)
    waiting += [asyncio.ensure_future(asked.references.silence()) for _ in range(50)]
    assert set(await asyncio.gather(*waiting)) == {SILENCE.error}
    assert len(asked.prober.started) == 1
    assert asked.clock.now_ns == 1_000_000_000


async def test_who_comes_late_waits_only_for_the_rest_of_the_two_seconds() -> None:
    asked = Asked(ONE)
    asked.say(ANSWER, lasts_s=(60.0,))
    first = asyncio.ensure_future(asked.references.silence())
    await asked.clock.sleep(1.5)
    assert await asked.references.silence() == "no answer within 2 s"
    assert asked.clock.now_ns == 2_000_000_000
    assert await first == "no answer within 2 s"


@pytest.mark.parametrize(("before", "after"), [(ANSWER, SILENCE), (SILENCE, ANSWER)])
async def test_what_was_found_out_holds_for_five_seconds_from_the_asking(
    before: Outcome, after: Outcome
) -> None:
    asked = Asked(ONE)
    asked.say(before, lasts_s=(1.0,))
    first = await asked.references.silence()
    asked.say(after)
    await asked.clock.sleep(3.9)
    now_ns = asked.clock.now_ns
    assert await asked.references.silence() == first
    assert (asked.times, asked.clock.now_ns) == (1, now_ns)
    await asked.clock.sleep(0.1)
    assert await asked.references.silence() != first
    assert asked.times == 2


async def test_however_much_fails_they_are_asked_at_most_once_in_five_seconds() -> None:
    asked = Asked(ONE, TWO)
    asked.say(SILENCE)
    for _ in range(600):
        await asked.references.silence()
        await asked.clock.sleep(0.1)
    starts = sorted(at_ns for check_id, at_ns in asked.prober.started if check_id == "connectivity[1]")
    assert len(starts) == 12
    assert min(after - before for before, after in pairwise(starts)) >= 5_000_000_000


async def test_a_check_that_is_given_up_does_not_end_the_asking_for_others() -> None:
    asked = Asked(ONE)
    asked.say(SILENCE, lasts_s=(1.0,))
    given_up = asyncio.ensure_future(asked.references.silence())
    other = asyncio.ensure_future(asked.references.silence())
    await asked.clock.sleep(0.5)
    given_up.cancel()
    assert await other == SILENCE.error
    assert given_up.cancelled()


async def test_other_references_are_asked_at_once_and_the_same_ones_not() -> None:
    asked = Asked(ONE)
    asked.say(SILENCE)
    await asked.references.silence()
    assert not asked.references.use([ONE])
    await asked.references.silence()
    assert asked.times == 1
    assert asked.references.use([ONE, TWO])
    await asked.references.silence()
    assert [check.url for check in asked.prober.checks] == [ONE, ONE, TWO]
    assert asked.references.use([])
    assert await asked.references.silence() is None


async def test_what_others_said_meanwhile_is_not_taken_for_what_the_new_ones_say() -> None:
    asked = Asked(ONE)
    asked.say(SILENCE, lasts_s=(1.0,))
    before = asyncio.ensure_future(asked.references.silence())
    await asked.clock.sleep(0.5)
    asked.references.use([TWO])
    asked.prober.outcome = lambda check: ANSWER if check.url == TWO else SILENCE
    assert await asked.references.silence() is None
    assert await before == SILENCE.error
    assert await asked.references.silence() is None


async def test_references_that_may_not_be_reached_prove_nothing() -> None:
    asked = Asked(ONE, TWO)
    asked.say(DENIED)
    assert await asked.references.silence() is None
    assert asked.ended == [("denied", "192.0.2.1 is denied; 192.0.2.1 is denied")]
    await asked.clock.sleep(5)
    asked.say(DENIED, SILENCE)
    assert await asked.references.silence() == f"192.0.2.1 is denied; {SILENCE.error}"


async def test_what_they_said_is_cut_to_a_few_words() -> None:
    asked = Asked(*(f"http://192.0.2.{number}/" for number in range(16)))
    asked.say(Outcome(status="down", failure="dns", error="x" * 1000))
    said = await asked.references.silence()
    assert said is not None
    assert len(said) == 300
    assert said.endswith("…")


async def test_a_defect_in_one_of_them_is_told_by_its_name_only() -> None:
    asked = Asked(ONE, TWO)
    asked.prober.failure = lambda _check: KeyError("secret")
    assert await asked.references.silence() == "our own fault: KeyError; our own fault: KeyError"


async def test_closing_ends_an_asking_as_without_an_answer() -> None:
    asked = Asked(ONE)
    asked.say(ANSWER, lasts_s=(1.0,))
    waiting = asyncio.ensure_future(asked.references.silence())
    await asked.clock.sleep(0.5)
    await asked.references.aclose()
    assert await waiting == "they were asked when we stopped"
    assert asked.prober.closed
    assert asked.prober.open.total() == 0


def test_what_was_found_out_is_remembered_in_another_event_loop() -> None:
    asked = Asked(ONE)
    asked.say(SILENCE)

    async def a_round() -> str | None:
        said = await asked.references.silence()
        await asked.references.aclose()
        return said

    assert asyncio.run(a_round()) == SILENCE.error
    asked.say(ANSWER)
    assert asyncio.run(a_round()) == SILENCE.error
    asked.clock.now_ns += 5_000_000_000
    assert asyncio.run(a_round()) is None
    assert asked.made == 2


def test_a_reference_is_asked_for_nothing_but_a_sign_of_life() -> None:
    check = as_check("https://192.0.2.1/path?token=secret", 1)
    assert not check.tls.verify
    assert not check.follow_redirects
    assert (check.max_body_bytes, check.certificate_days, check.retries) == (0, None, 0)
    assert check.timeout_us < 2_000_000
    assert "secret" not in repr(check)
