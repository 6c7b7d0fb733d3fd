"""Which dead letters a person means: `reason=not_json`, `partition=3`, `offset=100..200`, `since=24h`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from apistatus.audit.instants import instant_us
from apistatus.errors import ConfigurationError, Problem
from apistatus.model.letters import Selection
from apistatus.settings import quantities

_MOST: Final = 2**62


@dataclass(frozen=True, slots=True)
class Choice:
    """As it was typed."""

    ids: tuple[int, ...] = ()
    where: tuple[str, ...] = ()
    """Conditions; all of them have to hold, but one of several reasons."""
    all_of_them: bool = False
    discarded_too: bool = False


def selection(choice: Choice, now: datetime, *, must_choose: bool = False) -> Selection:
    """What it means. Raises ConfigurationError with every mistake.

    With `must_choose` an empty choice is one, unless it says that all are meant.
    """
    chosen = Selection(ids=choice.ids)
    if choice.discarded_too:
        chosen = replace(chosen, states=(*chosen.states, "discarded"))
    problems = []
    seen: set[str] = set()
    for text in choice.where:
        name, equals, value = (part.strip() for part in text.partition("="))
        try:
            if name in seen - {"reason"}:
                raise ValueError(f"names {name} twice")
            seen.add(name)
            chosen = _narrowed(chosen, name if equals else "", value, now)
        except ValueError as error:
            problems.append(Problem("--where", f"{text!r} {error}"))
    if must_choose and chosen.is_open and not choice.all_of_them and not choice.where:
        problems.append(Problem("", "name dead letters by number or with --where, or say --all"))
    if problems:
        raise ConfigurationError(problems)
    return chosen


def _narrowed(chosen: Selection, name: str, value: str, now: datetime) -> Selection:
    if name == "reason" and value:
        return replace(chosen, reasons=(*chosen.reasons, value))
    if name == "topic" and value:
        return replace(chosen, topic=value)
    if name == "partition":
        return replace(chosen, partition=quantities.whole_number(value, 0, 2**31 - 1))
    if name == "offset":
        first, dots, last = value.partition("..")
        begin = quantities.whole_number(first, 0, _MOST)
        return replace(chosen, offsets=(begin, quantities.whole_number(last, 0, _MOST) if dots else begin))
    if name == "since":
        return replace(chosen, since=_instant(value, now))
    raise ValueError(
        "is no condition; write reason=CODE, partition=N, offset=N or offset=N..M, topic=NAME, "
        "since=24h or since=2026-01-31T12:00"
    )


def _instant(text: str, now: datetime) -> datetime:
    now_us = round(now.timestamp() * 1_000_000)
    at_us = _first_that_reads(lambda form: instant_us(form, now_us), (text, f"-{text}"))
    return datetime.fromtimestamp(at_us / 1_000_000, now.tzinfo)


def _first_that_reads(read: Callable[[str], int], forms: Iterable[str]) -> int:
    told: ValueError | None = None
    for form in forms:
        try:
            return read(form)
        except ValueError as error:
            told = told or error
    raise told or ValueError("is empty")
