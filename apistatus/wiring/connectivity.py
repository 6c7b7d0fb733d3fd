"""The references of a reader file, put together with what asks them and with who is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from apistatus.wiring.names import resolver_of

if TYPE_CHECKING:
    from apistatus.ports import Clock, Prober
    from apistatus.probing.references import Asking, References
    from apistatus.runtime.metrics import Metrics
    from apistatus.settings.schema import ProbeSettings


def references_of(
    urls: Sequence[str], probe: ProbeSettings, clock: Clock, on_asked: Callable[[Asking, str], None]
) -> References:
    """References that are asked as checks are, by a prober of their own."""
    from apistatus.probing.prober import HttpProber
    from apistatus.probing.references import References

    def make_prober() -> Prober:
        return HttpProber(
            clock, deny_networks=probe.deny_networks, tls_engine=probe.tls_engine, tell_held=False,
            resolver=resolver_of(probe),
        )  # fmt: skip

    return References(urls, clock, make_prober, on_asked)


class Warnings:
    """Says, once a minute, that the references can never be asked: nothing else would show it."""

    def __init__(self) -> None:
        from apistatus.runtime.logs import Events, OncePerMinute

        self.log = Events("connectivity")
        self.once = OncePerMinute()

    def asked(self, ended: Asking, said: str) -> None:
        """What `References` tells of each asking."""
        if ended == "denied" and self.once.admits(ended) is not None:
            self.log.warning(
                "connectivity.denied", said=said, hint="no reference can be asked, so what fails is down"
            )


class Reports:
    """What an operator sees of the references: counters, and a line when they fall silent or answer again."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._warnings = Warnings()
        self._silent = self._told_silent = False

    def asked(self, ended: Asking, said: str) -> None:
        """What `References` tells of each asking."""
        self._metrics.references_asked.labels(ended).inc()
        self._warnings.asked(ended, said)
        was_silent, self._silent = self._silent, ended == "failed"
        log = self._warnings.log
        if self._silent and not was_silent and self._warnings.once.admits(ended) is not None:
            self._told_silent = True
            log.warning("connectivity.lost", said=said, hint="what fails is inconclusive meanwhile")
        elif self._told_silent and not self._silent:
            self._told_silent = False
            log.warning("connectivity.back")

    def excused(self) -> None:
        """One more result was made inconclusive."""
        self._metrics.excused.inc()
