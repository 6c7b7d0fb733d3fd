"""Instants as people write them, and as they read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from apistatus.errors import ConfigurationError, Problem
from apistatus.settings.quantities import duration_us

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)


def instant_us(text: str, now_us: int) -> int:
    """UTC microseconds of ISO 8601 (UTC unless it names a zone), of `-24h` (before `now_us`), or of `now`;
    the last two to the second.

    Raises ValueError with half a sentence for people.
    """
    text = text.strip()
    second_us = now_us // 1_000_000 * 1_000_000
    if text == "now":
        return second_us
    try:
        moment = second_us - duration_us(text[1:]) if text.startswith("-") else _iso_us(text)
    except (ValueError, OverflowError):
        raise ValueError("is no instant; write 2026-03-01, 2026-03-01T12:00:00+01:00, -24h or now") from None
    if not 0 <= moment <= now_us:
        raise ValueError("must lie between 1970 and now")
    return moment


def span_us(from_text: str, to_text: str, now_us: int) -> tuple[int, int]:
    """What `--from` and `--to` mean. Raises ConfigurationError with everything that is wrong with them."""
    found, problems = [], []
    for option, text in (("--from", from_text), ("--to", to_text)):
        try:
            found.append(instant_us(text, now_us))
        except ValueError as error:
            problems.append(Problem(option, f"{text!r} {error}"))
    if not problems and found[0] >= found[1]:
        problems.append(Problem("--from", f"{from_text!r} is not before --to ({to_text!r})"))
    if problems:
        raise ConfigurationError(problems)
    return found[0], found[1]


def _iso_us(text: str) -> int:
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _US


def iso(us: int) -> str:
    """ISO 8601 in UTC, fractions only where there are some."""
    return f"{_date(us).replace(tzinfo=None).isoformat()}Z"


def words(us: int) -> str:
    """For people: `2026-03-01 12:00:00`, in UTC, with the fraction that tells ticks apart."""
    moment = _date(us)
    fraction = f"{moment:.%f}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction}"


def length(us: int) -> str:
    """A duration in its two largest units: `24 h`, `1 h 5 min`, `12 s`."""
    seconds = us // 1_000_000
    parts = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"),
             (seconds % 60, "s"))  # fmt: skip
    shown = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(shown[:2]) or "0 s"


def _date(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
