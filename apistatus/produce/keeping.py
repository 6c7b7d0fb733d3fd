"""The schedule's watermark and the checks in force, kept in the state directory for the next start."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, Final

from apistatus.produce.backfill import InForce, Past, Spans
from apistatus.runtime.logs import Events, OncePerMinute
from apistatus.runtime.state_dir import StateDir

log = Events("produce")

WATERMARK_FILE: Final = "watermark.json"
CHECKS_FILE: Final = "checks-in-force.json"
_PERIOD_S: Final = 1.0
_CLOSE_S: Final = 5.0
_LATEST_US: Final = 253_402_300_799_999_999
"""The end of the year 9999, as in messages."""


def read_past(state: StateDir, location: str) -> Past | None:
    """What the last run at this location left; None when there is none or it cannot be read.

    Raises ConfigurationError when the folder cannot be used.
    """
    watermark = _read(state, WATERMARK_FILE, location)
    if watermark is None:
        return None
    try:
        watermark_us = _within(watermark["watermark_us"], 0)
        checks = (_read(state, CHECKS_FILE, location) or {}).get("checks")
        in_force = None
        if checks is not None:
            in_force = {str(name): tuple(map(_span, spans)) for name, spans in checks.items() if spans}
    except (KeyError, TypeError, ValueError, AttributeError):
        _say_damaged(WATERMARK_FILE)
        return None
    return Past(watermark_us, in_force)


def keep_past(state: StateDir, location: str, past: Past) -> None:
    """Leave this as what `read_past` finds. Raises ConfigurationError, OSError."""
    state.make()
    _write(state, CHECKS_FILE, location, checks=None if past.checks is None else dict(past.checks))
    # The watermark last: without it there is no past, so half of one is never found.
    _write(state, WATERMARK_FILE, location, watermark_us=past.watermark_us)


def forget_past(state: StateDir) -> None:
    """Leave nothing that `read_past` finds. Raises OSError."""
    for name in (WATERMARK_FILE, CHECKS_FILE):
        (state.path / name).unlink(missing_ok=True)


def _write(state: StateDir, name: str, location: str, **content: object) -> None:
    document = {"v": 1, "location": location, **content}
    state.keep(name, json.dumps(document).encode() + b"\n")


def _span(stored: list[object]) -> InForce:
    interval_us, from_us, until_us = stored
    return InForce(
        _within(interval_us, 1), _within(from_us, 0), None if until_us is None else _within(until_us, 0)
    )


def _within(value: object, least: int) -> int:
    if type(value) is not int or not least <= value <= _LATEST_US:
        raise ValueError(value)
    return value


def _read(state: StateDir, name: str, location: str) -> dict[str, Any] | None:
    content = state.kept(name)
    if content is None:
        return None
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("v") != 1:
        _say_damaged(name)
        return None
    return found if found.get("location") == location else None


def _say_damaged(name: str) -> None:
    log.warning("state.damaged", file=name, hint="ticks since the last stop are not told as missed")


class Keeper:
    """Writes both once a second, when they changed, in a thread of its own; `close` writes the last state."""

    def __init__(
        self, state: StateDir, location: str, watermark_us: Callable[[], int],
        in_force: Callable[[], Spans | None], sync: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        """`sync` brings to the disk what the watermark counts on; `in_force` gives the same object
        as long as nothing has changed, and None while nothing is known."""
        self._state, self._location = state, location
        self._watermark_us, self._in_force, self._sync = watermark_us, in_force, sync
        self._kept_us: int | None = None
        self._kept_checks: Spans | None = None
        self._once = OncePerMinute()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watermark", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Keep the last state; call it when nothing can change it any more."""
        self._closing.set()
        self._thread.join(_CLOSE_S)
        if not self._thread.is_alive():
            self.keep()

    def keep(self) -> None:
        """Write what has changed. A disk that is at fault is said once a minute."""
        try:
            checks = self._in_force()
            if checks is not None and checks is not self._kept_checks:
                _write(self._state, CHECKS_FILE, self._location, checks=dict(checks))
                self._kept_checks = checks
            watermark_us = self._watermark_us()
            if watermark_us != self._kept_us:
                self._sync()
                _write(self._state, WATERMARK_FILE, self._location, watermark_us=watermark_us)
                self._kept_us = watermark_us
        except OSError as error:
            held_back = self._once.admits("kept")
            if held_back is not None:
                hint = "ticks may be told as missed after the next start that were not"
                log.error("watermark.not_kept", cause=str(error), hint=hint)

    def _run(self) -> None:
        while not self._closing.wait(_PERIOD_S):
            self.keep()
