"""How many checks may be open to one host and port at once (pure)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from apistatus.model.check import Check

T = TypeVar("T")
_PORTS = {"http": 80, "https": 443}


def host_of(check: Check) -> Hashable:
    """The host and port that a check connects to at first. Where redirects lead is not known before."""
    if check.connect_to is not None:
        return check.connect_to
    parts = urlsplit(check.url)
    return parts.hostname, parts.port or _PORTS[parts.scheme]


class HostRooms(Generic[T]):
    """Rooms at each host, and those who wait for one, in the order of their coming."""

    def __init__(self, most: int) -> None:
        """`most` rooms at each host; 0: as many as are wanted."""
        self._most = most
        self._taken: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[T]] = {}

    def host(self, check: Check) -> Hashable:
        """What the other methods are to be called with."""
        return host_of(check) if self._most else None

    def is_full(self, host: Hashable) -> bool:
        return bool(self._most) and self._taken[host] >= self._most

    def take(self, host: Hashable, who: T) -> bool:
        """Take a room; False: there is none, and `who` waits for it to be handed out by `next_at`."""
        if not self._most:
            return True
        if self.is_full(host):
            self._waiting.setdefault(host, deque()).append(who)
            return False
        self._taken[host] += 1
        return True

    def leave(self, host: Hashable) -> None:
        """A room that was taken is free again."""
        if self._most:
            self._taken[host] -= 1
            if not self._taken[host]:
                del self._taken[host]

    def next_at(self, host: Hashable) -> T | None:
        """Who has waited longest, where there is a room, and waits no more: it may ask again."""
        waiting = self._waiting.get(host)
        if waiting is None or self.is_full(host):
            return None
        who = waiting.popleft()
        if not waiting:
            del self._waiting[host]
        return who

    def all_waiting(self) -> list[T]:
        """Those who wait, and wait no more."""
        waiting = [who for queue in self._waiting.values() for who in queue]
        self._waiting.clear()
        return waiting
