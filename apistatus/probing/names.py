"""The port to whoever knows which addresses a name has."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from apistatus.probing.threads import Busy


class Answer(NamedTuple):
    """The addresses of a name."""

    ips: tuple[tuple[int, str], ...]
    """Family and address, in the order to try them (RFC 6724), at least one."""
    ttl_s: int = 0
    """How long it holds; 0: not longer than for those who asked."""


class NoAddress(NamedTuple):
    """There is no address to be had."""

    says: str
    """Why, as half a sentence."""
    is_silence: bool = False
    """True when nobody answered: asking again may help."""


Said: TypeAlias = Answer | NoAddress | OSError
"""OSError: this host lacks something, and nothing is known about the name."""
Receive: TypeAlias = Callable[[Said], None]


class NameService(Protocol):
    """Looks names up for one event loop."""

    def ask(self, name: str, family: int, receive: Receive) -> None:
        """Call `receive` exactly once, maybe before this returns. `family`: AF_INET, AF_INET6, 0 for both."""

    def has_changed(self) -> bool:
        """True when former answers count no more: the system was set up differently since the last call."""

    def starved(self, name: str, family: int) -> Busy | None:
        """Why a look-up that was given up is our own shortage; None when it had begun."""

    def close(self) -> None:
        """Give up what is under way; `receive` may be called for it."""
