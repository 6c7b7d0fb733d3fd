"""Texts of others, made fit for the line, the table or the document that they are put into."""

from __future__ import annotations

from apistatus.model.result import PHASES, Result

ELLIPSIS = "…"


def one_line(text: str) -> str:
    """The text without anything that moves a cursor or breaks a line, each replaced by a space."""
    return "".join(char if char.isprintable() else " " for char in text)


def shortened(text: str, most: int) -> str:
    """The text, cut to `most` characters with an ellipsis at the end."""
    return text if len(text) <= most else text[: most - 1] + ELLIPSIS


def milliseconds(micros: int | None) -> str:
    """`38.1 ms`, or a dash where nothing was measured."""
    return "-" if micros is None else f"{micros / 1000:.1f} ms"


def phases_us(result: Result) -> dict[str, int]:
    """Microseconds of each phase that took place, in their order."""
    timed = {phase: getattr(result, f"{phase}_us", None) for phase in PHASES}
    return {phase: micros for phase, micros in timed.items() if micros is not None}


def phases(result: Result) -> str:
    """`connect 4.5 · processing 33.4 · transfer 0.1 ms`, empty when nothing was measured."""
    said = [f"{phase} {micros / 1000:.1f}" for phase, micros in phases_us(result).items()]
    return f"{' · '.join(said)} ms" if said else ""
