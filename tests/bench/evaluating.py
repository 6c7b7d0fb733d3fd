"""Extraction and assertions on one body, compiled once; the same asked by hand of `json` and `re` is the floor."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Final

from apistatus.probing.answer import RawHeaders
from apistatus.probing.assertions import Findings
from apistatus.probing.extract import Extraction
from apistatus.probing.threads import Threads
from tests.bench.figures import Figure, at_most
from tests.unit.probing.expecting import expecting

_LEAST_RUNS: Final = 20
_TIMES: Final = 500
_CHARSET: Final = "utf-8"
_CHECK: Final = expecting(
    "json_path: $.queue.depth, expect: {headers: {content-type: {contains: json}}, total_ms: {less_than: 800}, "
    "body: {matches: 'version\":\"\\d+\\.'}, json: [{path: $.status, equals: ok}, "
    "{path: '$.components[0].latency_ms', at_most: 100}]}"
)
_HEADERS: Final = RawHeaders([
    (b"date", b"Wed, 25 Nov 2026 18:00:00 GMT"), (b"content-type", b"application/json"), (b"content-length", b"2000"),
])  # fmt: skip


def body() -> bytes:
    """A page of health as services have it: 2 kB of JSON, compact, with texts, dates, integers and fractions."""
    components = [
        {
            "name": f"component-{number:02}", "status": "ok", "latency_ms": 1.5 * number + 0.25,
            "checked_at": f"2026-11-25T18:{number:02}:00Z", "errors": 3 * number, "healthy": True,
        }
        for number in range(16)
    ]  # fmt: skip
    page = {
        "status": "ok",
        "version": "2.14.1",
        "queue": {"depth": 3, "oldest_s": 0.25},
        "components": components,
    }
    return json.dumps(page, separators=(",", ":")).encode()


def evaluating(*, runs: int) -> list[Figure]:
    """Processor time of one evaluation, without telling what holds as in `produce`, and with as in
    `check-once`; the ratio to the floor run by run, interleaved."""
    page = body()
    threads = Threads("bench", 1)
    silent = _of(Extraction(threads, tell_held=False), page)
    telling = _of(Extraction(threads, tell_held=True), page)
    if silent() != Findings(value="3") or [one.outcome for one in telling().asserted] != ["held"] * 5:
        raise RuntimeError(f"the assertions do not hold: {telling()}")
    silent_us, telling_us, floor_us = [], [], []
    for _ in range(max(runs, _LEAST_RUNS)):
        silent_us.append(_cost_us(silent))
        telling_us.append(_cost_us(telling))
        floor_us.append(_cost_us(lambda: _by_hand(page)))
    threads.close()
    ratios = [ours / floor for ours, floor in zip(silent_us, floor_us, strict=True)]
    return [
        at_most("value and 5 assertions on 2 kB of JSON", silent_us, "us", 30),
        at_most("the same, telling what holds", telling_us, "us"),
        at_most("the same by hand with json and re", floor_us, "us"),
        at_most("value and 5 assertions as a ratio to by hand", ratios, "x"),
    ]


def _of(extraction: Extraction, page: bytes) -> Callable[[], Findings]:
    def evaluate() -> Findings:
        evaluation = extraction(_CHECK, page, _CHARSET, _HEADERS, total_us=41_000)
        try:
            evaluation.send(None)
        except StopIteration as end:
            found: Findings = end.value
            return found
        raise RuntimeError("the evaluation went to a thread")

    return evaluate


_VERSION: Final = re.compile(r'version":"\d+\.')


def _by_hand(page: bytes) -> str | None:
    """What a script would do: nothing strict, nothing exact, nothing bounded."""
    text = page.decode(_CHARSET)
    document = json.loads(text)
    value = document["queue"]["depth"]
    held = (
        "json" in (_HEADERS.get("content-type") or "")
        and _VERSION.search(text) is not None
        and document["status"] == "ok"
        and document["components"][0]["latency_ms"] <= 100
    )
    return str(value) if held else None


def _cost_us(evaluate: Callable[[], object]) -> float:
    """Of one evaluation, in microseconds of this thread: what others do meanwhile on the machine is not in it."""
    began_ns = time.thread_time_ns()
    for _ in range(_TIMES):
        evaluate()
    return (time.thread_time_ns() - began_ns) / _TIMES / 1000
