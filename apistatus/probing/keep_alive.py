"""Connections that wait for the next check of the same origin."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from time import monotonic_ns
from typing import Final, Generic, Protocol, TypeVar

_LONGEST_IDLE_NS: Final = 300 * 1_000_000_000
"""Servers rarely keep an idle connection longer, and a check that comes more rarely has nothing of it."""
_MOST: Final = 10_000


class Keepable(Protocol):
    """A connection, whatever is spoken on it."""

    kept_at_ns: int

    def is_idle(self) -> bool:
        """True while it can be used again."""

    def close(self) -> None: ...


T = TypeVar("T", bound=Keepable)


class KeepAlive(Generic[T]):
    """At most so many idle connections. Each call takes the same time however many there are."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._by_origin: dict[Hashable, list[T]] = {}
        self._by_age: OrderedDict[T, Hashable] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_age)

    def take(self, origin: Hashable) -> T | None:
        """The connection to `origin` that was used last and still stands; it is the caller's from here on."""
        waiting = self._by_origin.get(origin)
        while waiting:
            connection = waiting.pop()
            del self._by_age[connection]
            if not waiting:
                del self._by_origin[origin]
            if monotonic_ns() - connection.kept_at_ns <= _LONGEST_IDLE_NS and connection.is_idle():
                return connection
            connection.close()
        return None

    def put(self, origin: Hashable, connection: T) -> None:
        """Keep a connection that nobody uses. The oldest ones give way, by age or for room."""
        connection.kept_at_ns = monotonic_ns()
        self._by_origin.setdefault(origin, []).append(connection)
        self._by_age[connection] = origin
        while self._by_age:
            oldest = next(iter(self._by_age))
            if len(self._by_age) <= self._most and (
                connection.kept_at_ns - oldest.kept_at_ns <= _LONGEST_IDLE_NS
            ):
                return
            self._forget(oldest)

    def close(self) -> None:
        """Close all of them."""
        while self._by_age:
            self._forget(next(iter(self._by_age)))

    def _forget(self, connection: T) -> None:
        origin = self._by_age.pop(connection)
        waiting = self._by_origin[origin]
        waiting.remove(connection)
        if not waiting:
            del self._by_origin[origin]
        connection.close()
