"""Which of several processes makes which checks, and what each takes over from those before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from apistatus.model.check import Check
from apistatus.produce.backfill import InForce, Past
from apistatus.produce.keeping import forget_past, keep_past, read_past
from apistatus.runtime.logs import Events
from apistatus.runtime.state_dir import StateDir

log = Events("produce")

_HOME: Final = "process-"
_ON_THE_WAY: Final = "handing-over"
# Another hash than the phase's: else the checks of one process would all fall due in one part of the interval.
_PERSON: Final = b"process"


class Share(NamedTuple):
    """Process `number` (from 0) of `of`."""

    number: int
    of: int

    def has(self, check_id: str) -> bool:
        """Whether this process makes the check."""
        digest = hashlib.blake2b(check_id.encode(), digest_size=8, person=_PERSON).digest()
        return int.from_bytes(digest, "big") % self.of == self.number

    def part(self, checks: Iterable[Check]) -> tuple[Check, ...]:
        """Those of the checks that this process makes."""
        return tuple(check for check in checks if self.of == 1 or self.has(check.id))

    def home(self, state: Path) -> Path:
        """Where it keeps its state: a process that is alone, in the state directory itself."""
        return state if self.of == 1 else state / f"{_HOME}{self.number}"

    def limit(self, of_all: int) -> int:
        """Its part of a limit for all processes together, at least 1; 0, no limit, stays 0."""
        return max(1, of_all // self.of) if of_all else 0


ALONE: Final = Share(0, 1)


def shares(processes: int) -> tuple[Share, ...]:
    """One for each process."""
    return tuple(Share(number, processes) for number in range(processes))


def other_homes(state: Path, processes: int) -> list[Path]:
    """Folders in which a process keeps its state when there is another number of them."""
    ours = {share.home(state) for share in shares(processes)}
    return [path for path in all_homes(state) if path not in ours]


def all_homes(state: Path) -> list[Path]:
    """Every folder in which a process of some run has kept its state."""
    return [state, *sorted(path for path in state.glob(f"{_HOME}*") if path.is_dir())]


def hand_over(state: StateDir, location: str, processes: int) -> None:
    """Give each process what those before it left of its checks, when their number has changed.

    Call it with the state directory's lock, and while no process of an earlier run is left. Killed at
    any point, the next call ends it. Raises ConfigurationError, OSError.
    """
    whole = StateDir(state.path / _ON_THE_WAY)
    ours = [share.home(state.path) for share in shares(processes)]
    pasts = {path: past for path in all_homes(state.path) if (past := read_past(StateDir(path), location))}
    past = read_past(whole, location)
    if past is None:
        past = merged(list(pasts.values()))
        if past is None or pasts.keys() == set(ours):
            return
        # First in one place: a process's own folder is overwritten with less than all of it.
        keep_past(whole, location, past)
    for share, path in zip(shares(processes), ours, strict=True):
        keep_past(StateDir(path), location, _part(past, share))
    for path in pasts.keys() - set(ours):
        forget_past(StateDir(path))
    forget_past(whole)
    log.always("produce.handed_over", from_processes=len(pasts), to_processes=processes)


def merged(pasts: Sequence[Past]) -> Past | None:
    """One past out of those of several processes; what each had done stays done.

    Its watermark is the lowest of all, so a check whose own process was further begins where that one was.
    """
    if not pasts:
        return None
    lowest_us = min(past.watermark_us for past in pasts)
    known: dict[str, tuple[InForce, ...]] = {}
    for past in pasts:
        for name, spans in (past.checks or {}).items():
            known[name] = _undone(spans, past.watermark_us)
    return Past(lowest_us, known if any(past.checks is not None for past in pasts) else None)


def _undone(spans: Iterable[InForce], watermark_us: int) -> tuple[InForce, ...]:
    """What of the spans is left from the watermark on."""
    return tuple(
        span._replace(from_us=max(span.from_us, watermark_us))
        for span in spans
        if span.until_us is None or span.until_us > watermark_us
    )


def _part(past: Past, share: Share) -> Past:
    if past.checks is None or share.of == 1:
        return past
    return Past(past.watermark_us, {name: spans for name, spans in past.checks.items() if share.has(name)})
