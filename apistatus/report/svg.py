"""Two small pictures of a line: a strip of its uptime, and a band of its times. A gap is drawn as a gap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from apistatus.report import words
from apistatus.report.counts import Counts
from apistatus.report.model import Line, Scope
from apistatus.report.pieces import DAY_US, HOUR_US

_WIDTH: Final = 10
_SHADES: Final = ((1.0, "u0"), (0.999, "u1"), (0.99, "u2"), (0.95, "u3"), (0.0, "u4"))
"""Least uptime of a class of the style sheet."""
_WHOLE: Final = 0.95
"""A part with a smaller share of its expected ticks is grey from the top, as far as nothing is known."""
_WARNING_SHARE: Final = 0.02
"""More degraded than this gets a mark at the foot of the part."""


def parts_of(scope: Scope) -> range:
    """The beginnings of the hours or days of the report."""
    step_us = DAY_US if scope.step == "day" else HOUR_US
    return range(scope.from_us // step_us * step_us, scope.to_us, step_us)


def strip(line: Line, scope: Scope, height: int = 24) -> str:
    """A cell for each part: the worse, the redder; grey where nothing is known, empty before and after."""
    parts = parts_of(scope)
    cells = "".join(
        _cell(number * _WIDTH, height, begins_us, line, scope) for number, begins_us in enumerate(parts)
    )
    return _picture("strip", len(parts) * _WIDTH, height, cells, f"Uptime of {line.name}")


def _cell(x: int, height: int, begins_us: int, line: Line, scope: Scope) -> str:
    counts = line.by_time.get(begins_us)
    when = words.day(begins_us) if scope.step == "day" else words.minute(begins_us)
    uptime = counts.uptime if counts else None
    wide = _WIDTH - (1 if len(parts_of(scope)) <= 120 else 0)
    if counts is None or uptime is None:
        if begins_us not in line.expected_parts and counts is None:
            kind, said = "none", "not checked"
        else:
            kind, said = "gap", "nothing is known: no verdict"
        return _rectangle(kind, x, wide, height, f"{when}: {said}")
    kind = next(name for least, name in _SHADES if uptime >= least)
    known = _known(line, begins_us, counts)
    said = f"{when}: {_told(counts, known)}"
    drawn = _rectangle(kind, x, wide, height, said)
    if known < _WHOLE:
        drawn += _rectangle("gap", x, wide, round(height * (1 - known), 1), said)
    if counts.degraded > _WARNING_SHARE * counts.made:
        drawn += f'<rect class="warn" x="{x}" y="{height - 4}" width="{wide}" height="4"/>'
    return drawn


def _rectangle(kind: str, x: int, wide: int, height: float, said: str) -> str:
    return (
        f'<rect class="{kind}" x="{x}" width="{wide}" height="{height}" rx="1.5"><title>{said}</title></rect>'
    )


def _known(line: Line, begins_us: int, counts: Counts) -> float:
    expected = line.expected_parts.get(begins_us, 0)
    return min(1.0, counts.made / expected) if expected else 1.0


def _told(counts: Counts, known: float) -> str:
    p50, p95 = counts.percentiles_ms((0.5, 0.95))
    said = [
        f"{words.percent(counts.uptime)} up",
        f"{counts.down:,} down, {counts.degraded:,} degraded of {counts.made:,}",
        f"p50 {words.milliseconds(p50)}, p95 {words.milliseconds(p95)}",
    ]
    if known < 1:
        said.append(f"{words.percent(known, 1)} of the expected ticks have a verdict")
    return "; ".join(said)


def band(line: Line, scope: Scope, height: int = 40) -> tuple[str, float | None]:
    """The median as a line in a band up to p95, and the milliseconds that its upper edge stands for."""
    parts = parts_of(scope)
    times: list[tuple[float, float] | None] = []
    for begins_us in parts:
        counts = line.by_time.get(begins_us)
        p50, p95 = counts.percentiles_ms((0.5, 0.95)) if counts else (None, None)
        times.append(None if p50 is None or p95 is None else (p50, p95))
    top = max((p95 for pair in times if pair for p95 in (pair[1],)), default=None)
    width = len(parts) * _WIDTH
    if not top:
        return _picture("band", width, height, "", f"Times of {line.name}"), None
    shapes = "".join(_stretch(stretch, top, height) for stretch in _stretches(times))
    return _picture("band", width, height, shapes, f"Times of {line.name}"), top


def _stretches(times: Sequence[tuple[float, float] | None]) -> Iterator[list[tuple[float, float, float]]]:
    """Neighbours with times as (x, p50, p95): no line is drawn over what is not known."""
    stretch: list[tuple[float, float, float]] = []
    for number, pair in enumerate([*times, None]):
        if pair is not None:
            stretch.append((number * _WIDTH + (_WIDTH - 1) / 2, *pair))
        elif stretch:
            if len(stretch) == 1:
                x, p50, p95 = stretch[0]
                stretch = [(x - 3, p50, p95), (x + 3, p50, p95)]
            yield stretch
            stretch = []


def _stretch(stretch: Sequence[tuple[float, float, float]], top: float, height: int) -> str:
    def y(value: float) -> str:
        return f"{height - 1 - value / top * (height - 3):.1f}"

    median = " ".join(f"{x:g},{y(p50)}" for x, p50, _ in stretch)
    above = " ".join(f"{x:g},{y(p95)}" for x, _, p95 in reversed(stretch))
    return f'<polygon points="{median} {above}"/><polyline points="{median}"/>'


def _picture(kind: str, width: int, height: int, inside: str, title: str) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{words.markup(title)}">{inside}</svg>'
    )
