"""The line of a Nagios plugin, for Nagios, Icinga and all that call such plugins.

Form and exit codes as in the Monitoring Plugins Development Guidelines: `TEXT | PERFDATA`, and each
of the latter `'label'=value[UOM];[warn];[crit];[min];[max]`, all numbers of one in the same unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from apistatus.cli.outputs.texts import one_line, shortened
from apistatus.cli.outputs.verdict import Answer
from apistatus.model.result import Result, Status

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3

_NAMES: Final = {OK: "OK", WARNING: "WARNING", CRITICAL: "CRITICAL", UNKNOWN: "UNKNOWN"}
_WORST_FIRST: Final[tuple[Status, ...]] = ("down", "degraded", "inconclusive", "missed")
_NAMED: Final = 5
"""So many checks are named in the line; a page or a text message holds no more."""
_CAUSE_CHARS: Final = 160
_TROUBLE_CHARS: Final = 2_000


def render(answer: Answer) -> str:
    """The line: state, counts, the worst checks with their causes, and the numbers of all checks."""
    perfdata = " ".join(_perfdata(answer))
    return f"APISTATUS {_NAMES[exit_code(answer)]} - {_told(answer)} | {perfdata}\n"


def exit_code(answer: Answer) -> int:
    """2 for down (strict: degraded too), 1 for degraded, 3 when a check gave no verdict or there is
    none, or when the results did not reach the topic; else 0."""
    counts = answer.counts
    if counts["down"] or (answer.strict and counts["degraded"]):
        return CRITICAL
    if counts["degraded"]:
        return WARNING
    unknown = counts["inconclusive"] or counts["missed"] or not answer.results or answer.trouble
    return UNKNOWN if unknown else OK


def unknown(trouble: str) -> str:
    """The line for a mistake of ours: nothing can be said about any check."""
    return f"APISTATUS UNKNOWN - {_safe(trouble, _TROUBLE_CHARS)}\n"


def _told(answer: Answer) -> str:
    total = len(answer.results)
    counted = [f"{number} {status}" for status, number in answer.counts.items() if number]
    text = f"{total} {'check' if total == 1 else 'checks'}: {', '.join(counted) or 'none'}"
    bad = sorted(
        (result for result in answer.results if result.status != "up"),
        key=lambda result: _WORST_FIRST.index(result.status),
    )
    for result in bad[:_NAMED]:
        text += f"; {_safe(result.name, _CAUSE_CHARS)} {result.status}"
        text += f" ({_safe(result.error, _CAUSE_CHARS)})" if result.error else ""
    if len(bad) > _NAMED:
        text += f"; and {len(bad) - _NAMED} more"
    if answer.trouble:
        text += f"; not published: {_safe(answer.trouble, _TROUBLE_CHARS)}"
    return text


def _safe(text: str, most: int) -> str:
    """One line without `|`, which begins the performance data."""
    return shortened(" ".join(one_line(text).replace("|", "/").split()), most)


def _perfdata(answer: Answer) -> Iterator[str]:
    total = len(answer.results)
    for status, number in answer.counts.items():
        yield f"{_label(f'checks {status}')}={number};;;0;{total}"
    for result in answer.results:
        yield _time(result, answer)
        if result.size_bytes is not None:
            yield f"{_label(f'{result.check} size')}={result.size_bytes}B;;;0"


def _time(result: Result, answer: Answer) -> str:
    """Slower than the SLA is degraded, so the first threshold (strict: the second); slower than the
    timeout is down. Labels are ids: a rename keeps the graph."""
    sla = "" if result.sla_ms is None else _number(result.sla_ms * 1000)
    timeout_us = answer.timeouts_us.get(result.check)
    timeout = "" if timeout_us is None else _number(timeout_us)
    warn, critical = ("", sla or timeout) if answer.strict else (sla, timeout)
    value = "U" if result.total_us is None else f"{_number(result.total_us)}s"
    return f"{_label(result.check)}={value};{warn};{critical};0"


def _label(text: str) -> str:
    """In quotes, for some have spaces. An `=` is not allowed in them, a quote is written twice."""
    return "'" + text.replace("=", "_").replace("'", "''") + "'"


def _number(micros: int) -> str:
    """Seconds in plain decimals: an exponent is not allowed."""
    return f"{micros / 1e6:.6f}".rstrip("0").rstrip(".")
