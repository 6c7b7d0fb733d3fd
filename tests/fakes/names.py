"""A source of names that says what a test tells it to, when it is told to."""

from __future__ import annotations

import socket

from apistatus.probing.names import Answer, NoAddress, Receive, Said
from apistatus.probing.threads import Busy


def answer(*ips: str, ttl_s: int = 0) -> Answer:
    """These addresses, in this order."""
    return Answer(tuple((socket.AF_INET6 if ":" in ip else socket.AF_INET, ip) for ip in ips), ttl_s)


class ScriptedNames:
    """`names.NameService`: says at once what `known` holds; with `is_slow`, when `say` is called."""

    def __init__(self, **known: Said) -> None:
        self.known: dict[str, Said] = dict(known)
        self.is_slow = False
        self.asked: list[tuple[str, int]] = []
        self.waiting: list[tuple[str, Receive]] = []
        self.changed = False
        self.busy: Busy | None = None
        self.closed = False

    def ask(self, name: str, family: int, receive: Receive) -> None:
        self.asked.append((name, family))
        if self.is_slow:
            self.waiting.append((name, receive))
        else:
            receive(self._said(name))

    def say(self) -> None:
        """Answer all that was asked for."""
        waiting, self.waiting = self.waiting, []
        for name, receive in waiting:
            receive(self._said(name))

    def has_changed(self) -> bool:
        changed, self.changed = self.changed, False
        return changed

    def starved(self, name: str, family: int) -> Busy | None:
        return self.busy

    def close(self) -> None:
        self.closed = True

    def _said(self, name: str) -> Said:
        return self.known.get(name, NoAddress("no such name"))
