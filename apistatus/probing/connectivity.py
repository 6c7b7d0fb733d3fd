"""Checks that fail while our own network is away: `inconclusive`, never an outage of the target."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from typing import Any

from apistatus.model.check import Check
from apistatus.model.result import MAX_ERROR_CHARS, Outcome
from apistatus.ports import Prober
from apistatus.probing.references import References


def _nobody() -> None:
    """Nobody counts."""


class ConnectivityProber:
    """`ports.Prober` around another one: asks the references when a check ends in what may be our own fault.

    That is `down`, of whatever kind: a proxy or portal on our side can answer in the target's place too. And
    it is the `up` of a check that has to fail (`expect: {failure: ...}`): without a network everything is out
    of reach, and the check would pass by accident. All other outcomes stay, and cost nothing.
    """

    def __init__(
        self, prober: Prober, references: References, *, spared: Collection[str] = (),
        on_excused: Callable[[], None] = _nobody,
    ) -> None:  # fmt: skip
        """`spared`: ids of checks whose outcomes stay as they are. `on_excused` is called for every outcome
        that became inconclusive."""
        self._prober = prober
        self._references = references
        self._spared = frozenset(spared)
        self._on_excused = on_excused

    def probe(self, check: Check) -> Coroutine[Any, Any, Outcome]:
        """The outcome; `inconclusive`, with all that was found out, when no reference answered either."""
        # Not `async`: without references a check does not pay for another coroutine.
        if not self._references or check.id in self._spared:
            return self._prober.probe(check)
        return self._judged(check)

    async def aclose(self) -> None:
        """Close every socket, those to references too."""
        await self._references.aclose()
        await self._prober.aclose()

    async def _judged(self, check: Check) -> Outcome:
        outcome = await self._prober.probe(check)
        has_failed = outcome.status == "down" or (outcome.status == "up" and check.failures)
        if not has_failed:
            return outcome
        number = len(self._references)
        said = await self._references.silence()
        if said is None:
            return outcome
        self._on_excused()
        return outcome.excused(_line(check, outcome, said, number))


def _line(check: Check, outcome: Outcome, said: str, references: int) -> str:
    """What happened, then why it counts for nothing: at most 1,000 characters."""
    happened = outcome.error or "it failed"
    if outcome.status == "up":
        happened = f"it failed as expected ({' or '.join(check.failures)})"
    who = "the reference" if references == 1 else f"all {references} references"
    reason = f"; {who} of `connectivity` failed too, so our own network may be away: {said}"
    room = MAX_ERROR_CHARS - len(reason)
    return (happened if len(happened) <= room else happened[: room - 1] + "…") + reason
