"""One probe, guarded: a defect of ours costs the result of one check and is told as what it is."""

from __future__ import annotations

import asyncio

from apistatus.model.check import Check
from apistatus.model.result import Outcome
from apistatus.ports import Prober
from apistatus.runtime.logs import Events, OncePerMinute

log = Events("produce")


class GuardedProber:
    """A prober whose exceptions become `inconclusive` outcomes of kind `internal`, said once a minute."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._said = OncePerMinute()

    async def probe(self, check: Check) -> Outcome:
        """The outcome; raises only CancelledError, and only when this task was cancelled."""
        try:
            return await self._prober.probe(check)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return self.defect(check, error)  # a stray one from within: nobody cancelled this task
        except Exception as error:  # noqa: BLE001 - whatever it is: a defect in one check must not end the others
            return self.defect(check, error)

    def defect(self, check: Check, error: BaseException) -> Outcome:
        """What becomes of a check in which we failed. Only the exception's type and place are told: its
        text may hold secrets."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = "an unknown place"
        if trace is not None:
            where = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        cause = f"{type(error).__name__} in {where}"
        held_back = self._said.admits(cause)
        if held_back is not None:
            log.error("check.defect", check=check.id, cause=cause, held_back=held_back)
        return Outcome(status="inconclusive", failure="internal", error=f"internal error: {cause}")
