"""Cases 10 and 11: messages that cannot be stored, among many that can."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.faults import topic
from tests.faults.audit import tick_at_or_after
from tests.faults.case import MANY, case
from tests.faults.run import Run
from tests.services.command import wait_until

PLACE = "harness"
"""Location of results that the suite itself sends: no definition expects their ticks."""
DAY_US = 86_400_000_000
REFUSED = "only PostgreSQL refuses this"


def result(check: str, at_us: int, /, **fields: Any) -> dict[str, Any]:
    """A good result, by the documented fields."""
    return {
        "v": 1, "check": check, "location": PLACE, "scheduled_at_us": at_us, "status": "up", "name": check,
        "site": "http://x.example", "endpoint": "/", "interval_ms": 1000, "start_delay_us": 0,
        "producer": "fault-suite", "origin": "schedule", "attempts": 1, "total_us": 1000, **fields,
    }  # fmt: skip


def bulk(now_us: int, count: int, name: str = "bulk") -> list[tuple[bytes, bytes, str | None]]:
    """So many good messages of 40 checks of that name, of the ten minutes before now."""
    messages: list[tuple[bytes, bytes, str | None]] = []
    for number in range(count):
        check = f"{name}-{number % 40}"
        at_us = tick_at_or_after(now_us - 600_000_000 + number // 40 * 1_000_000, check, 1_000_000)
        messages.append((check.encode(), json.dumps(result(check, at_us, value=str(number))).encode(), None))
    return messages


def _poison(at_us: int) -> dict[str, bytes | None]:
    """Every kind, by what is wrong with it."""

    def changed(**fields: Any) -> bytes:
        return json.dumps(result("bad", at_us, **fields)).encode()

    return {
        "empty": b"", "tombstone": None, "no UTF-8": b'{"v": 1, "check": "\xff\xfe"}', "no JSON": b"{",
        "binary": bytes(range(256)) * 40, "text after JSON": changed() + b"}", "array": b"[1, 2]",
        "number": b"42", "unknown version": changed(v=99), "version as text": changed(v="1"),
        "unknown kind": changed(kind="riddle"), "no check": b'{"v": 1, "status": "up"}',
        "id with capitals": changed(check="Bad"), "id too long": changed(check="x" * 65),
        "unknown status": changed(status="sleepy"), "unknown failure": changed(status="down", failure="moon"),
        "negative time": changed(total_us=-1), "above int4": changed(total_us=2**31),
        "above int8": changed(scheduled_at_us=2**64), "float for integer": changed(total_us=1.5),
        "boolean for integer": changed(attempts=True), "infinite": changed().replace(b"1000,", b"1e999,"),
        "NUL escaped": changed(error="a\0b"), "NUL raw": changed(error="ab").replace(b"ab", b"a\0b"),
        "lone surrogate": changed(error="x").replace(b'"x"', b'"\\ud800"'),
        "text of a megabyte": changed(value="x" * 900_000), "label of a megabyte": changed(labels={"a": "x" * 900_000}),
        "nested": b'{"v":1,"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "tick in 400 days": changed(scheduled_at_us=at_us + 400 * DAY_US),
        "tick 400 days ago": changed(scheduled_at_us=at_us - 400 * DAY_US),
        "refused by PostgreSQL": changed(value=REFUSED),
    }  # fmt: skip


@case(
    11, "every kind of poison among 20,000 good", "one bad message costs no good one", runs=MANY, quick=True
)
def poison_among_good(run: Run) -> None:
    run.begin(checks=20)
    run.execute(
        f"alter table apistatus.results add constraint of_this_run check (value is distinct from '{REFUSED}')"
    )
    now_us = run.now_us()
    messages = bulk(now_us, 20_000)
    bad = [(fault, value) for fault, value in _poison(now_us).items() for _ in range(3)]
    run.random.shuffle(bad)
    for fault, value in bad:
        messages.insert(run.random.randrange(len(messages)), (b"bad", value, fault))
    since = time.monotonic()
    topic.send(run.servers, run.topic, messages)
    run.wait_until_drained_up_to_now()
    run.note(poison=len(bad), stored_in_s=round(time.monotonic() - since, 1))
    run.recovered(10.0)
    _hold_reasons(run)
    _hold_forwarded(run, len(bad))


def _hold_reasons(run: Run) -> None:
    """Each has a reason and a sentence, and its headers as they came."""
    dumb = run.number("select count(*)::int from apistatus.dead_letter where reason = '' or message = ''")
    if dumb:
        run.find(f"{dumb} dead letters without a reason")
    other = run.number(
        "select count(*)::int from apistatus.dead_letter where header_names[2] is distinct from 'from'"
        " or header_values[2] is distinct from %s::bytea",
        b"the fault suite \xff",
    )
    if other:
        run.find(f"{other} dead letters without their headers")
    refused = run.number(
        "select count(*)::int from apistatus.dead_letter where reason = 'refused_by_postgresql'"
    )
    run.note(refused_by_postgresql=refused)
    if refused != 3:
        run.find(f"{refused} rows refused by PostgreSQL alone, not 3")


def _hold_forwarded(run: Run, count: int) -> None:
    """Every dead letter comes to the topic of dead letters too, with its own bytes."""
    forwarded = "select count(*)::int from apistatus.dead_letter where forwarded_at is not null"
    try:
        wait_until(lambda: run.number(forwarded) == count, "dead letters forwarded", 30.0)
    except AssertionError:
        run.find(f"{run.number(forwarded)} of {count} dead letters were forwarded to {run.topic}.dlq")
        return
    letters = topic.read_raw(run.servers, f"{run.topic}.dlq")
    if sorted(map(str, letters)) != sorted(map(str, (message[:2] for message in _stored(run)))):
        run.find(f"{run.topic}.dlq holds other bytes than the dead letters")


def _stored(run: Run) -> list[tuple[object, ...]]:
    return run.query("select key, value from apistatus.dead_letter")


@case(
    10,
    "missing partition, and a message of 400 days ahead",
    "the day is made; what has no day is put aside",
    quick=True,
)
def missing_partition(run: Run) -> None:
    run.begin(checks=20)
    midnight_us = run.now_us() // DAY_US * DAY_US
    earlier_us = tick_at_or_after(midnight_us - run.random.randint(2, 60) * DAY_US + 1, "dated", 1_000_000)
    _send(run, "dated", earlier_us)
    _wait_for(run, earlier_us)
    day = time.strftime("%Y%m%d", time.gmtime(earlier_us / 1e6))
    # The consumer has seen this day and believes that it is there.
    run.execute(f"drop table apistatus.results_{day}")
    run.lost_on_purpose.add(("dated", PLACE, earlier_us))
    later_us = earlier_us + 1_000_000
    far_us = run.now_us() + 400 * DAY_US
    topic.send(run.servers, run.topic, [
        (b"dated", json.dumps(result("dated", later_us)).encode(), None),
        (b"dated", json.dumps(result("dated", far_us)).encode(), "400 days ahead"),
        (b"dated", json.dumps(result("dated", later_us + 1_000_000)).encode(), None),
    ])  # fmt: skip
    _wait_for(run, later_us)
    _wait_for(run, later_us + 1_000_000)
    # Its first instant, which is at most a day ahead, as the consumer allows, and in no day that has rows.
    tomorrow_us = (run.now_us() // DAY_US + 1) * DAY_US
    run.execute(
        "drop table if exists apistatus.results_" + time.strftime("%Y%m%d", time.gmtime(tomorrow_us / 1e6))
    )
    _send(run, "dated", tomorrow_us)
    _wait_for(run, tomorrow_us)
    run.recovered(5.0)
    days = run.number("select count(*)::int from pg_inherits where inhparent = 'apistatus.results'::regclass")
    run.note(partitions=days)
    if days > 30:
        run.find(f"{days} partitions: a wrong clock made them")
    # The dropped row was the oldest of its check, so the state began with it.
    run.states_of_dropped.add(("dated", PLACE))


def _send(run: Run, check: str, at_us: int) -> None:
    topic.send(run.servers, run.topic, [(check.encode(), json.dumps(result(check, at_us)).encode(), None)])


def _wait_for(run: Run, at_us: int) -> None:
    query = (
        "select count(*)::int from apistatus.check_results where check_id = 'dated'"
        " and scheduled_at = to_timestamp(0) + %s * interval '1 microsecond'"
    )
    wait_until(lambda: run.number(query, at_us) == 1, "the dated row")
