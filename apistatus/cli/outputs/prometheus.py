"""Prometheus' text format 0.0.4, for the node exporter's textfile collector or a push gateway.

Base units, no timestamps, and no URLs in labels: names and labels are as stable as the reader file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias

from apistatus.cli.outputs.texts import phases_us
from apistatus.cli.outputs.verdict import Answer
from apistatus.model.result import STATUSES, VERDICTS, Result

Sample: TypeAlias = tuple[dict[str, str], float]
"""Labels beside those that every sample has, and the value."""

_JSON_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class _Family(NamedTuple):
    name: str
    meaning: str
    samples: Callable[[Result], Iterator[Sample]]


def render(answer: Answer) -> str:
    """All families that have a sample; empty without any result to show."""
    shown = answer.shown
    lines: list[str] = []
    for family in _FAMILIES:
        name = f"apistatus_check_{family.name}"
        samples = [
            f"{name}{{{_labels(result, extra)}}} {_number(value)}"
            for result in shown
            for extra, value in family.samples(result)
        ]
        if samples:
            lines += [f"# HELP {name} {family.meaning}", f"# TYPE {name} gauge", *samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(result: Result, extra: dict[str, str]) -> str:
    # A check that was made from a URL has it as its name; the id says as much.
    name = result.check if "://" in result.name else result.name
    labels = {"check": result.check, "name": name, "group": result.group or "", "location": result.location}
    return ",".join(f'{key}="{_escaped(value)}"' for key, value in (labels | extra).items())


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))


def _up(result: Result) -> Iterator[Sample]:
    if result.status in VERDICTS:
        yield {}, result.status != "down"


def _status(result: Result) -> Iterator[Sample]:
    for status in STATUSES:
        yield {"status": status}, result.status == status


def _failure(result: Result) -> Iterator[Sample]:
    if result.failure is not None:
        yield {"failure": result.failure, "phase": result.phase or ""}, 1


def _phases(result: Result) -> Iterator[Sample]:
    for phase, micros in phases_us(result).items():
        yield {"phase": phase}, micros / 1e6


def _value(result: Result) -> Iterator[Sample]:
    if result.value is not None and _JSON_NUMBER.fullmatch(result.value):
        number = float(result.value)
        if math.isfinite(number):  # 1e400 is a number, but none that a sample can carry
            yield {}, number


def _field(name: str, divisor: int = 1) -> Callable[[Result], Iterator[Sample]]:
    """The result's field of that name, divided, where it has one."""

    def samples(result: Result) -> Iterator[Sample]:
        number = getattr(result, name)
        if number is not None:
            yield {}, number / divisor

    return samples


_FAMILIES: Final = (
    _Family("up", "1 when the check is up or degraded, 0 when it is down; absent without a verdict.", _up),
    _Family("status", "1 for the status that the check has, 0 for the others.", _status),
    _Family("failure", "1, with the kind of failure and the phase in which it happened.", _failure),
    _Family("duration_seconds", "Time to the last byte of the answer.", _field("total_us", 1_000_000)),
    _Family("phase_duration_seconds", "Time of each phase, summed over redirects.", _phases),
    _Family("sla_seconds", "Slower than this is degraded.", _field("sla_ms", 1_000)),
    _Family("response_size_bytes", "Size of the answer's body.", _field("size_bytes")),
    _Family("http_status_code", "Status code of the answer.", _field("status_code")),
    _Family("attempts", "Attempts that were made.", _field("attempts")),
    _Family("redirects", "Redirects that were followed.", _field("redirects")),
    _Family("value", "The extracted value, where it is a number.", _value),
    _Family(
        "certificate_expiry_timestamp_seconds",
        "When the first certificate of the served chain ends.",
        _field("certificate_expires_at_us", 1_000_000),
    ),
    _Family("start_timestamp_seconds", "When the check was started.", _field("scheduled_at_us", 1_000_000)),
)
