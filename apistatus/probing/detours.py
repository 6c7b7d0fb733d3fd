"""Detours carried out: each within its deadline, on a line that was kept where the check wants that."""

from __future__ import annotations

import asyncio

from apistatus.probing.attempt import Attempt
from apistatus.probing.deadlines import Within
from apistatus.probing.detour import Detour, Line
from apistatus.probing.exchange_errors import EndedEarly
from apistatus.probing.hop_plan import HopPlan
from apistatus.probing.http2 import TurnedAway
from apistatus.probing.keep_alive import KeepAlive
from apistatus.probing.reaching import Reaching
from apistatus.probing.reception import Reception
from apistatus.probing.tls import openssl_context
from apistatus.probing.tls_files import Contexts, LivingContexts
from apistatus.probing.way import context_of


class Detours:
    """Belongs to the event loop that runs the attempts."""

    def __init__(self, reaching: Reaching) -> None:
        self._reaching = reaching
        self._contexts = LivingContexts(lambda options: Contexts((("openssl", openssl_context(options)),)))
        self._kept: KeepAlive[Line] = KeepAlive()
        self._under_way: set[Detour] = set()

    async def carry_out(self, attempt: Attempt, plan: HopPlan, deadline_s: float) -> Reception:
        """One hop: its end is in the reception, an error included. A kept line that turns out to be dead is no
        reason to fail."""
        kept = self._take(plan)
        while True:
            reception = Reception(attempt, asyncio.get_running_loop())
            detour = Detour(attempt, plan, deadline_s)
            reception.exchange = attempt.exchange = detour
            self._under_way.add(detour)
            try:
                await self._run(detour, reception, kept, deadline_s)
            finally:
                self._under_way.discard(detour)
                line = detour.end()
            if line is not None:
                line.rest()
                self._kept.put(plan.origin, line)
            if kept is None or not _was_dead(reception):
                return reception
            attempt.new_hop(plan.host, plan.port)
            kept = None

    def close(self) -> None:
        """Close every connection; detours under way end as given up by us."""
        for detour in list(self._under_way):
            detour.cancel()
        self._kept.close()
        self._contexts.close()

    async def _run(self, detour: Detour, reception: Reception, kept: Line | None, deadline_s: float) -> None:
        limit = Within(deadline_s)
        try:
            async with limit:
                if kept is not None:
                    detour.go_on(kept)
                else:
                    await detour.open(self._reaching, self._contexts)
                await detour.speak(reception)
        except TimeoutError as error:
            reception.on_end(detour.late() if limit.has_passed else error)
        except Exception as error:  # noqa: BLE001 - it is handed on, for `failures` to name
            reception.on_end(error)
        else:
            reception.on_end(None)

    def _take(self, plan: HopPlan) -> Line | None:
        """A line that can be used again; one made with a certificate that was replaced is closed."""
        while plan.wants_keep_alive and (kept := self._kept.take(plan.origin)) is not None:
            if plan.tls is None or kept.stream.context is context_of(self._contexts, plan.tls):
                return kept
            kept.close()
        return None


def _was_dead(reception: Reception) -> bool:
    """True when a kept line ended before it answered, as those do that the server gave up meanwhile."""
    is_end = isinstance(reception.error, OSError | EndedEarly | TurnedAway)
    return is_end and not reception.exchange.received_bytes
