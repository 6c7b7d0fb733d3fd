"""What /live and /ready say: is this process still moving, and is every part of it able to work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

Answer = Callable[[], str | None]
"""None: all is well; otherwise why not, as a line for people. Called from any thread; must not block."""


class Health:
    """The truth about one process, asked anew each time."""

    def __init__(self, parts: Mapping[str, Answer], live: Answer) -> None:
        self._parts = MappingProxyType(dict(parts))
        self._live = live

    def not_ready(self) -> dict[str, str]:
        """Part -> why it is not ready; empty when the process is ready."""
        reasons = {name: _asked(answer) for name, answer in self._parts.items()}
        return {name: reason for name, reason in reasons.items() if reason is not None}

    def not_live(self) -> str | None:
        """None while the process makes progress, else what has stopped."""
        return _asked(self._live)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of all parts, ready or not."""
        return tuple(self._parts)


def _asked(answer: Answer) -> str | None:
    try:
        return answer()
    except Exception as error:  # noqa: BLE001 - a part that cannot even answer is not well: the page says so
        return f"internal error: {type(error).__name__}"
