"""What becomes of outcomes while no reference answers, and while one does."""

from __future__ import annotations

import pytest

from apistatus.model.check import Check
from apistatus.model.result import FAILURE_KINDS, Outcome
from apistatus.probing.connectivity import ConnectivityProber
from apistatus.probing.references import References
from tests.fakes.clock import VirtualClock
from tests.fakes.messages import check
from tests.fakes.prober import UP, ScriptedProber

DOWN = Outcome(
    status="down", failure="timeout", phase="processing", error="127.0.0.1:80 sent nothing within 5 s",
    attempts=3, total_us=None, ip="127.0.0.1", connect_us=120,
)  # fmt: skip
REFUSED = Outcome(status="down", failure="connect_refused", error="192.0.2.1:80 refused the connection")
CLOSED_PORT = check("closed", failures=("connect_refused", "connect_timeout"))


class Probed:
    """A prober of checks and one of references, each with an outcome of its own."""

    def __init__(self, outcome: Outcome, reference: Outcome = REFUSED, *, urls: int = 1) -> None:
        clock = VirtualClock()
        self.checks, self.asked = ScriptedProber(clock), ScriptedProber(clock)
        self.checks.outcome = lambda _check: outcome
        self.asked.outcome = lambda _check: reference
        self.excused = 0
        self.references = References(
            [f"http://192.0.2.{number}/" for number in range(urls)], clock, lambda: self.asked
        )
        self.prober = ConnectivityProber(
            self.checks, self.references, spared=["spared"], on_excused=self._count
        )

    def _count(self) -> None:
        self.excused += 1

    async def probe(self, of: Check | None = None) -> Outcome:
        return await self.prober.probe(of or check())


async def test_a_failure_while_no_reference_answers_is_no_verdict_and_keeps_what_was_found_out() -> None:
    probed = Probed(DOWN)
    outcome = await probed.probe()
    assert outcome.status == "inconclusive"
    assert outcome.error == (
        "127.0.0.1:80 sent nothing within 5 s; the reference of `connectivity` failed too, so our own network "
        "may be away: 192.0.2.1:80 refused the connection"
    )
    kept = ("failure", "phase", "attempts", "total_us", "ip", "connect_us")
    assert [getattr(outcome, name) for name in kept] == [getattr(DOWN, name) for name in kept]
    assert probed.excused == 1


async def test_a_failure_while_a_reference_answers_stays() -> None:
    probed = Probed(DOWN, UP)
    assert await probed.probe() is DOWN
    assert len(probed.asked.started) == 1
    assert probed.excused == 0


@pytest.mark.parametrize("kind", [kind for kind in FAILURE_KINDS if kind != "internal"])
async def test_every_kind_of_failure_may_be_our_network(kind: str) -> None:
    outcome = await Probed(Outcome(status="down", failure=kind, error="it")).probe()  # one of the kinds
    assert (outcome.status, outcome.failure) == ("inconclusive", kind)


@pytest.mark.parametrize(
    "outcome",
    [
        UP,
        Outcome(status="degraded", error="took 240 ms"),
        Outcome(status="missed"),
        Outcome(status="inconclusive", failure="internal", error="our own fault"),
    ],
)
async def test_what_is_no_failure_of_the_target_asks_nobody_and_stays(outcome: Outcome) -> None:
    probed = Probed(outcome)
    assert await probed.probe() is outcome
    assert probed.asked.started == []


async def test_what_must_not_be_reachable_does_not_pass_because_nothing_is() -> None:
    outcome = await Probed(Outcome(status="up", ip="127.0.0.1"), urls=2).probe(CLOSED_PORT)
    assert (outcome.status, outcome.failure, outcome.ip) == ("inconclusive", None, "127.0.0.1")
    assert outcome.error == (
        "it failed as expected (connect_refused or connect_timeout); all 2 references of `connectivity` failed "
        "too, so our own network may be away: 192.0.2.1:80 refused the connection; 192.0.2.1:80 refused the "
        "connection"
    )


async def test_what_must_not_be_reachable_passes_while_a_reference_answers() -> None:
    up = Outcome(status="up")
    assert await Probed(up, UP).probe(CLOSED_PORT) is up


async def test_what_must_not_be_reachable_and_answers_is_treated_as_every_failure() -> None:
    reached = Outcome(status="down", failure="assertion", error="it answered with status 200 OK")
    assert (await Probed(reached).probe(CLOSED_PORT)).status == "inconclusive"
    assert await Probed(reached, UP).probe(CLOSED_PORT) is reached


async def test_checks_that_are_spared_stay_as_they_are() -> None:
    probed = Probed(DOWN)
    assert await probed.probe(check("spared")) is DOWN
    assert probed.asked.started == []


async def test_without_references_the_prober_of_the_checks_is_alone() -> None:
    probed = Probed(DOWN, urls=0)
    coroutine = probed.prober.probe(check())
    assert coroutine.__qualname__ == "ScriptedProber.probe"
    assert await coroutine is DOWN


async def test_references_that_come_while_a_check_runs_do_not_disturb_it() -> None:
    probed = Probed(DOWN, urls=1)
    probed.checks.outcome = lambda _check: (probed.references.use([]), DOWN)[1]
    assert await probed.probe() is DOWN


@pytest.mark.parametrize("error", ["x" * 1000, "x" * 600, None])
async def test_the_line_keeps_its_reason_within_a_thousand_characters(error: str | None) -> None:
    long = Outcome(status="down", failure="dns", error="y" * 400)
    said = (await Probed(Outcome(status="down", failure="dns", error=error), long).probe()).error
    assert said is not None
    assert len(said) <= 1000
    assert "the reference of `connectivity` failed too" in said
    assert said.startswith("xxx" if error else "it failed; ")


async def test_closing_closes_both() -> None:
    probed = Probed(DOWN)
    await probed.probe()
    await probed.prober.aclose()
    assert probed.checks.closed
    assert probed.asked.closed
