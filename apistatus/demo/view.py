"""The live view: a snapshot as a page for a terminal of 80 columns or more, light or dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from apistatus.demo.snapshot import HISTORY, PHASES, CheckNow, Snapshot

# Colours of the 256-colour cube with a contrast of 3:1 or more to black and to white.
STATUS_COLOUR: Final[Mapping[str, str]] = {
    "up": "color(28)", "degraded": "color(136)", "down": "color(167)", "missed": "color(97)",
    "inconclusive": "color(66)",
}  # fmt: skip
_SIGN: Final[Mapping[str, str]] = {
    "up": "●", "degraded": "▲", "down": "■", "missed": "○", "inconclusive": "◇"
}  # fmt: skip
_ASCII_SIGN: Final[Mapping[str, str]] = {
    "up": "+", "degraded": "!", "down": "x", "missed": "-", "inconclusive": "?"
}  # fmt: skip
_PHASE_COLOUR: Final[Mapping[str, str]] = {
    "resolve": "color(133)", "connect": "color(37)", "tls": "color(68)", "processing": "color(172)",
    "transfer": "color(71)",
}  # fmt: skip
_PHASE_LETTER: Final[Mapping[str, str]] = {
    "resolve": "r", "connect": "c", "tls": "s", "processing": "p", "transfer": "t"
}  # fmt: skip
_SEVERITY: Final = ("down", "inconclusive", "missed", "degraded", None, "up")
_WIDE_FROM: Final = 104
_LINES_BESIDE_CHECKS: Final = 10


@dataclass(frozen=True, slots=True)
class Frame:
    """What stays the same during a run: how to look inside, and what to know about it."""

    mode: str
    look_inside: str
    note: str
    ends: str


class Page:
    """One frame of the live view; draws itself to the size and abilities of the console it is shown on."""

    def __init__(self, frame: Frame, snapshot: Snapshot) -> None:
        self._frame, self._snapshot = frame, snapshot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        plain = console.no_color or console.color_system is None
        ascii_only = not options.encoding.lower().startswith("utf")
        style = _Style(letters=plain or ascii_only, ascii_only=ascii_only)
        room = max(1, options.size.height - _LINES_BESIDE_CHECKS)
        lines: list[RenderableType] = [
            self._title(options.max_width),
            Text.assemble(
                ("look inside  ", "dim"), self._frame.look_inside, overflow="ellipsis", no_wrap=True
            ),
            "",
            _table(self._snapshot.checks, style, options.max_width, room),
            "",
            _legend(style),
            "",
            _totals(self._snapshot),
            Text(self._frame.note, style="dim", no_wrap=True, overflow="ellipsis"),
        ]
        if self._snapshot.trouble:
            lines.append(
                Text(self._snapshot.trouble, style=STATUS_COLOUR["down"], no_wrap=True, overflow="ellipsis")
            )
        yield Group(*lines)

    def _title(self, width: int) -> Text:
        left = Text.assemble(("apistatus", "bold"), f" demo {self._frame.mode}")
        right = f"running {clock(self._snapshot.running_s)}, {self._frame.ends}"
        left.append(" " * max(1, width - left.cell_len - len(right)))
        return left.append(right, style="dim")


@dataclass(frozen=True, slots=True)
class _Style:
    letters: bool
    """Without colours the phases are told apart by letters."""
    ascii_only: bool

    def sign(self, status: str | None) -> str:
        return (_ASCII_SIGN if self.ascii_only else _SIGN).get(status or "", ".")


def _table(checks: Sequence[CheckNow], style: _Style, width: int, room: int) -> Table:
    wide = width >= _WIDE_FROM
    table = Table(
        box=None, expand=True, padding=(0, 2 if wide else 1, 0, 0), header_style="dim", pad_edge=False
    )
    bar_width = 18 if wide else 14
    table.add_column("STATUS", width=10, no_wrap=True)
    table.add_column("CHECK", no_wrap=True, overflow="ellipsis", min_width=14, max_width=24)
    table.add_column("VALUE", ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("TIME", justify="right", width=9 if wide else 8, no_wrap=True)
    table.add_column("PHASES", width=bar_width, no_wrap=True)
    if wide:
        table.add_column(f"LAST {HISTORY}", justify="right", width=HISTORY, no_wrap=True)
    table.add_column("SINCE", justify="right", width=5, no_wrap=True)
    for check in _most_telling(checks, room):
        row: list[RenderableType] = [
            Text(f"{style.sign(check.status)} {check.status or 'waiting'}", style=colour(check.status)),
            Text(check.name),
            _said(check),
            milliseconds(check.total_ms),
            _bar(check.phases_ms, bar_width, style),
            *([_history(check.history, style)] if wide else []),
            Text(duration(check.since_s), style="dim"),
        ]
        table.add_row(*row)
    if len(checks) > room:
        table.add_row("", Text(f"and {len(checks) - room + 1} more", style="dim"))
    return table


def _most_telling(checks: Sequence[CheckNow], room: int) -> Sequence[CheckNow]:
    """All of them, or those in trouble first when there is not room for all."""
    if len(checks) <= room:
        return checks
    return sorted(checks, key=lambda check: _SEVERITY.index(check.status))[: room - 1]


def _said(check: CheckNow) -> Text:
    if check.status == "down":
        return Text(one_line(check.error or check.failure), style=STATUS_COLOUR["down"])
    return Text(one_line(check.value))


def _history(statuses: Sequence[str], style: _Style) -> Text:
    text = Text()
    for status in statuses[-HISTORY:]:
        text.append(style.sign(status) if style.letters else "▮", style=colour(status))
    return text


def shares(parts: Sequence[float], cells: int) -> list[int]:
    """`cells` divided as the parts are, by largest remainders, but at least one for a part above zero."""
    total = sum(parts)
    if total <= 0:
        return [0] * len(parts)
    exact = [part / total * cells for part in parts]
    given = [max(1, int(share)) if part > 0 else 0 for part, share in zip(parts, exact, strict=True)]
    over = [given_cells - share for given_cells, share in zip(given, exact, strict=True)]
    while (left := cells - sum(given)) != 0:
        step = 1 if left > 0 else -1
        can_move = [
            index for index, given_cells in enumerate(given) if given_cells + step > 0 and parts[index] > 0
        ]
        if not can_move:
            break
        index = max(can_move, key=lambda index: -over[index] * step)
        given[index] += step
        over[index] += step
    return given


def _bar(phases_ms: Mapping[str, float], width: int, style: _Style) -> Text:
    """Where the time of the last probe went; all bars have one length, TIME tells how much it was."""
    present = [name for name in PHASES if phases_ms.get(name, 0) > 0]
    text = Text()
    for name, cells in zip(present, shares([phases_ms[name] for name in present], width), strict=True):
        text.append(_fill(name, style) * cells, style=_PHASE_COLOUR[name])
    return text


def _fill(phase: str, style: _Style) -> str:
    return _PHASE_LETTER[phase] if style.letters else "━"


def _legend(style: _Style) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis").append("phases  ", style="dim")
    for name in PHASES:
        text.append(_fill(name, style) * (1 if style.letters else 2), style=_PHASE_COLOUR[name])
        text.append(f" {name}   ", style="dim")
    return text


def _totals(snapshot: Snapshot) -> Text:
    counts = snapshot.totals
    text = Text(no_wrap=True, overflow="ellipsis")
    for name, count, bad in (
        ("produced", counts.produced, False), ("stored", counts.stored, False), ("lag", counts.lag, False),
        ("missed", counts.missed, True), ("dead letters", counts.dead_letters, True),
    ):  # fmt: skip
        style = f"bold {STATUS_COLOUR['down']}" if bad and count else "bold"
        text.append(f"{name} ", style="dim").append("-" if count is None else f"{count:,}", style=style)
        text.append("    ")
    return text


def colour(status: str | None) -> str:
    """The style of a status; dim before the first verdict."""
    return STATUS_COLOUR.get(status or "", "dim")


def milliseconds(value: float | None) -> str:
    """`2.1 ms`, `1,234 ms`; empty when there is none."""
    if value is None:
        return ""
    return f"{value:.1f} ms" if value < 1000 else f"{value:,.0f} ms"


def duration(seconds: float | None) -> str:
    """`12s`, `3m`, `2h`, `5d`; empty when there is none."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    for unit, size_s in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole >= size_s:
            return f"{whole // size_s}{unit}"
    return f"{whole}s"


def clock(seconds: float) -> str:
    """`1:02:03`."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def one_line(text: str | None) -> str:
    """The text without line ends and control characters: it comes from a target and may hold anything."""
    return " ".join("".join(char if char.isprintable() else " " for char in text or "").split())
