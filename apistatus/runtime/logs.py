"""Events on standard error: `noun.verb` and its fields, as text for people or JSON for machines."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

ALWAYS = logging.CRITICAL + 10
"""Level of what is said at every log level: start, stop, and what a reload changed."""

_ROOT = "apistatus"


class Events:
    """A room's voice: `log.info("batch.stored", rows=10)`. Values are shown as they are: pass no secret."""

    __slots__ = ("_logger",)

    def __init__(self, room: str) -> None:
        self._logger = logging.getLogger(f"{_ROOT}.{room}")

    def debug(self, event: str, **fields: Any) -> None:
        self._say(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._say(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._say(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._say(logging.ERROR, event, fields)

    def always(self, event: str, **fields: Any) -> None:
        """Said at every level: start, stop, reload."""
        self._say(ALWAYS, event, fields)

    def _say(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, extra={"fields": fields})


class OncePerMinute:
    """Lets one line per cause and minute through and counts what it held back."""

    def __init__(self, period_s: float = 60.0) -> None:
        self._period_s = period_s
        self._last: dict[str, tuple[float, int]] = {}

    def admits(self, cause: str) -> int | None:
        """None: hold it back. A number: say it now; so many alike were held back since the last one."""
        now = time.monotonic()
        last = self._last.get(cause)
        if last is not None and now - last[0] < self._period_s:
            self._last[cause] = (last[0], last[1] + 1)
            return None
        if len(self._last) > 1000:
            self._last.clear()
        self._last[cause] = (now, 0)
        return 0 if last is None else last[1]


def _level_name(level: int) -> str:
    return "NOTICE" if level == ALWAYS else logging.getLevelName(level)


class _Fields(logging.Formatter):
    def __init__(self, of_all: Mapping[str, object]) -> None:
        super().__init__()
        self._of_all = of_all

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        return {**getattr(record, "fields", {}), **self._of_all}


class _Text(_Fields):
    def format(self, record: logging.LogRecord) -> str:
        stamp = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        said = " ".join(f"{name}={_shown(value)}" for name, value in self.fields(record).items())
        room = record.name.removeprefix(f"{_ROOT}.")
        line = f"{stamp}Z {_level_name(record.levelno):<7} {room}: {record.getMessage()} {said}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _shown(value: object) -> str:
    text = str(value)
    if text and text.isprintable() and not any(c in text for c in ' "='):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    # What a target or a broker said may hold escape sequences: a terminal must never obey them.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in quoted)


class _Json(_Fields):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": _level_name(record.levelno).lower(),
            "room": record.name.removeprefix(f"{_ROOT}."),
            "event": record.getMessage(),
            **self.fields(record),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up(level: str, form: str, **of_all: object) -> None:
    """Send our events and other libraries' warnings to standard error; `of_all` are fields of every line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(of_all) if form == "json" else _Text(of_all))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelName(level)))
    ours = logging.getLogger(_ROOT)
    ours.setLevel(level)
