"""A second source of names for what the first one does not know."""

from __future__ import annotations

from apistatus.probing.names import Answer, NameService, NoAddress, Receive, Said
from apistatus.probing.threads import Busy


class TwoSources:
    """`names.NameService`: DNS first; the system where DNS has no address, but does answer."""

    def __init__(self, dns: NameService, system: NameService) -> None:
        self._dns = dns
        self._system = system
        self._closed = False

    def ask(self, name: str, family: int, receive: Receive) -> None:
        def second(by_dns: NoAddress, said: Said) -> None:
            # What DNS says is more exact, and names whom it asked; trouble of the system's does not undo it.
            in_vain = NoAddress(f"{by_dns.says}; nor does the system find it elsewhere")
            receive(said if isinstance(said, Answer) else in_vain)

        def first(said: Said) -> None:
            if not isinstance(said, NoAddress) or said.is_silence or self._closed:
                receive(said)
            else:
                self._system.ask(name, family, lambda other: second(said, other))

        self._dns.ask(name, family, first)

    def has_changed(self) -> bool:
        return self._dns.has_changed() or self._system.has_changed()

    def starved(self, name: str, family: int) -> Busy | None:
        return self._system.starved(name, family)

    def close(self) -> None:
        self._closed = True
        self._dns.close()
        self._system.close()
