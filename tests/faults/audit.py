"""The same audit after every run: target, topic and PostgreSQL held against each other, by our own formulas."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.faults.line import LOCATION
from tests.faults.topic import VERDICTS, Key, Topic

if TYPE_CHECKING:
    from tests.faults.run import Run

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One row of check_results."""

    check: str
    location: str
    tick_us: int
    status: str
    value: str | None
    failure: str | None
    error: str | None

    @property
    def key(self) -> Key:
        return self.check, self.location, self.tick_us


@dataclass(slots=True)
class Audit:
    """What was found wrong, and the figures of the report."""

    findings: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)

    def find(self, what: str, items: Iterable[object]) -> int:
        """Report these items when there are any; how many there are."""
        listed = list(items)
        if listed:
            self.findings.append(f"{len(listed)} {what}: {', '.join(map(str, listed[:_SHOWN]))}")
        return len(listed)


def tick_at_or_after(instant_us: int, check: str, interval_us: int) -> int:
    """The documented formula, written a second time: BLAKE2b of the id, 8 bytes, big endian, mod interval."""
    digest = hashlib.blake2b(check.encode(), digest_size=8).digest()
    phase = int.from_bytes(digest, "big") % interval_us
    return phase + -(-(instant_us - phase) // interval_us) * interval_us


def audit(run: Run, said: Topic) -> Audit:
    """Everything that is not as promised."""
    found = Audit()
    rows = _rows(run)
    by_key = {row.key: row for row in rows}
    twice = found.find("keys with more than one row", _repeated(row.key for row in rows))
    lost = _hold_against_topic(run, said, by_key, found) | _hold_against_schedule(run, said, by_key, found)
    twice += _hold_against_target(run, rows, found)
    dead = _hold_dead_letters(run, said, found)
    _hold_offsets(run, said, found)
    _hold_states(run, rows, found)
    if not run.allowed.disorder:
        _hold_order(said, found)
    found.figures = {
        "messages": len(said.messages), "probes": run.target.total, "produced": len(said.results),
        "copies": said.copies, "stored": len(rows), "missed": sum(row.status == "missed" for row in rows),
        "dead": dead, "lost": len(lost), "twice": twice,
    }  # fmt: skip
    return found


def _rows(run: Run) -> list[Row]:
    found = run.query(
        "select check_id, location, (extract(epoch from scheduled_at) * 1000000)::bigint, status, value,"
        " failure, error from apistatus.check_results"
    )
    return [Row(*row) for row in found]


def _repeated(keys: Iterable[object]) -> list[object]:
    return [key for key, times in Counter(keys).items() if times > 1]


def _hold_against_topic(run: Run, said: Topic, rows: dict[Key, Row], found: Audit) -> set[Key]:
    """Every tick on the topic has the row that its messages make, and no row comes from elsewhere."""
    wanted = {key: result for key, result in said.results.items() if key not in run.lost_on_purpose}
    lost = wanted.keys() - rows.keys()
    found.find("results on the topic without a row", (said.where(key) for key in lost))
    if run.allowed.whole_topic:
        found.find("rows without a message", rows.keys() - wanted.keys())
    differ = []
    for key in wanted.keys() & rows.keys():
        row, result = rows[key], wanted[key]
        if (row.status, row.value) != (result["status"], result.get("value")):
            differ.append(
                f"{key} is {row.status} {row.value!r}, not {result['status']} {result.get('value')!r}"
            )
    found.find("rows that differ from their message", differ)
    return lost


def _hold_against_schedule(run: Run, said: Topic, rows: dict[Key, Row], found: Audit) -> set[Key]:
    """Every tick that was due has a row, and nothing else has one."""
    if not run.asked_us:
        return set()
    spans = in_force(said, run.firsts)
    left_out = [check for check, its in spans.items() if len(its) > 1]
    if not run.allowed.spans_left_out:
        found.find("checks whose definitions leave time out", left_out)
    mine: dict[str, set[int]] = defaultdict(set)
    for check, location, tick in rows:
        if location == LOCATION:
            mine[check].add(tick)
    lost: set[Key] = set()
    astray = []
    # When a clock was set we know the producer's time only as well as the moment it noticed.
    slack_us = 0 if run.pace == (0, 0, 1.0) else 2_000_000
    for check in run.checks:
        wanted, may = set(), set()
        for from_us, until_us in spans.get(check, []):
            first = tick_at_or_after(from_us, check, run.interval_us)
            wanted |= set(range(first, min(until_us, run.asked_us + 1 - slack_us), run.interval_us))
            may |= set(range(first, min(until_us, run.ended_us + 1 + slack_us), run.interval_us))
        lost |= {(check, LOCATION, tick) for tick in wanted - mine[check]} - run.lost_on_purpose
        astray += [f"{check}@{tick}" for tick in sorted(mine[check] - may)]
    found.find("rows at no tick of their check", astray)
    found.find("due ticks without a row", sorted(lost))
    return lost


def in_force(said: Topic, firsts: dict[str, int]) -> dict[str, list[tuple[int, int]]]:
    """By check: when it was in force, [from, until). Definitions that follow on make one span."""
    never = 2**62
    events: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for check, first in firsts.items():
        events[check].append((first, 2, "check"))
    for definition in said.definitions:
        if definition["location"] == LOCATION:
            order = {"check_removed": 0, "gap": 1, "check": 2}[definition["kind"]]
            events[definition["check"]].append((definition["from_us"], order, definition["kind"]))
            if definition["kind"] == "gap":
                events[definition["check"]].append((definition["until_us"], 2, "check"))
    spans: dict[str, list[tuple[int, int]]] = {}
    for check, its in events.items():
        open_us: int | None = None
        made = []
        for at_us, _, kind in sorted(its):
            if kind == "check":
                open_us = at_us if open_us is None else open_us
            elif open_us is not None:
                made.append((open_us, at_us))
                open_us = None
        if open_us is not None:
            made.append((open_us, never))
        spans[check] = [(from_us, until_us) for from_us, until_us in made if until_us > from_us]
    return spans


def _hold_against_target(run: Run, rows: list[Row], found: Audit) -> int:
    """Each probe that the target saw is one row, and each row with a probe was seen there."""
    mine = [row for row in rows if row.location == LOCATION]
    if not run.allowed.inconclusive:
        found.find("rows are inconclusive", (row for row in mine if row.status == "inconclusive"))
    given = {check: set(tokens) for check, tokens in run.target.tokens.items()}
    with_value = [row for row in mine if row.value is not None]
    tokens = [row.value for row in with_value]
    found.find(
        "values that the target never gave", (r for r in with_value if r.value not in given.get(r.check, ()))
    )
    twice = found.find("probes that made two rows", _repeated(tokens))
    verdicts = Counter(row.check for row in mine if row.status in VERDICTS)
    # A probe that failed on the way there may not have been seen.
    sure = Counter(row.check for row in mine if row.status in VERDICTS and row.failure in (None, "status"))
    unseen, without_row = [], 0
    for check in run.checks:
        seen = len(given.get(check, ()))
        if seen < sure[check]:
            unseen.append(f"{check}: {sure[check]} rows, {seen} probes seen")
        without_row += max(0, seen - verdicts[check])
    found.find("checks with more rows than probes", unseen)
    run.note(probes_without_row=without_row)
    if without_row > run.allowed.probes_without_row:
        found.findings.append(f"{without_row} probes without a row, {run.allowed.probes_without_row} allowed")
    return twice


def _hold_dead_letters(run: Run, said: Topic, found: Audit) -> int:
    """What is wrong on the topic, and only that, is a dead letter: byte for byte."""
    stored = {
        (partition, offset): (key, value)
        for partition, offset, key, value in run.query(
            'select partition, "offset", key, value from apistatus.dead_letter where topic = %s', run.topic
        )
    }
    wanted: dict[object, Any] = {(m.partition, m.offset): (m.key, m.value) for m in said.faulty}
    faults = {(m.partition, m.offset): m.fault for m in said.faulty}
    if run.allowed.whole_topic:
        found.find("dead letters that were good", stored.keys() - wanted.keys())
    found.find(
        "bad messages without a dead letter", (f"{faults[k]} at {k}" for k in wanted.keys() - stored.keys())
    )
    differ = [at for at in wanted.keys() & stored.keys() if stored[at] != wanted[at]]
    found.find("dead letters that differ from their message", (f"{faults[at]} at {at}" for at in differ))
    return len(stored)


def _hold_offsets(run: Run, said: Topic, found: Audit) -> None:
    """Messages = offsets, by partition."""
    held = run.offsets()
    differ = [
        f"partition {p}: {held.get(p)} in PostgreSQL, {high} on the topic"
        for p, high in said.highs.items()
        if (held.get(p) or 0) != high
    ]
    found.find("offsets that differ", differ)


def _hold_order(said: Topic, found: Audit) -> None:
    """The verdicts of a check lie on the topic in the order of their ticks; a copy of a resend may come later."""
    newest: dict[str, int] = {}
    seen: set[Key] = set()
    back = []
    for message in said.messages:
        result = message.result()
        if result is None or result["location"] != LOCATION or result["status"] not in VERDICTS:
            continue
        check, tick = result["check"], result["scheduled_at_us"]
        key = (check, LOCATION, tick)
        if tick < newest.get(check, 0) and key not in seen:
            back.append(f"{check}@{tick} at {message.partition}/{message.offset}")
        newest[check] = max(newest.get(check, 0), tick)
        seen.add(key)
    found.find("verdicts out of order on the topic", back)


def _hold_states(run: Run, rows: list[Row], found: Audit) -> None:
    """check_status is the fold of the raw rows."""
    held = {
        (check, location): tuple(state)
        for check, location, *state in run.query(
            "select check_id, location, status, (extract(epoch from since) * 1000000)::bigint,"
            " (extract(epoch from scheduled_at) * 1000000)::bigint, value, failure, error,"
            " (extract(epoch from unknown_since) * 1000000)::bigint from apistatus.check_status"
        )
    }
    by_check: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.tick_us):
        by_check[row.check, row.location].append(row)
    folded = {one: fold(its) for one, its in by_check.items()}
    differ = [
        f"{one} is {held.get(one)}, not {state}"
        for one, state in folded.items()
        if held.get(one) != state and one not in run.states_of_dropped
    ]
    found.find("states that are not the fold of their rows", differ)
    found.find("states without rows", held.keys() - folded.keys())


def fold(rows: list[Row]) -> tuple[object, ...]:
    """Status, since, tick, value, failure and error of the last verdict, and unknown since; oldest row first."""
    last: Row | None = None
    since_us: int | None = None
    unknown_us: int | None = None
    for row in rows:
        if row.status not in VERDICTS:
            unknown_us = row.tick_us if unknown_us is None else unknown_us
            continue
        since_us = since_us if last is not None and last.status == row.status else row.tick_us
        last, unknown_us = row, None
    if last is None:
        return None, None, None, None, None, None, unknown_us
    return last.status, since_us, last.tick_us, last.value, last.failure, last.error, unknown_us
