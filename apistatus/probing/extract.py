"""Taking value and assertions of a check from its answer without holding up other checks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from apistatus.model.check import Check
from apistatus.probing.answer import Answer, Headers, RawHeaders, TookTooLong
from apistatus.probing.assertions import Findings, findings_in
from apistatus.probing.body import ExtractFailed
from apistatus.probing.extractors import compile_json_path, compile_regex
from apistatus.probing.threads import Busy, Threads

__all__ = ["ExtractFailed", "Extraction", "compile_json_path", "compile_regex"]

_AT_ONCE_BYTES: Final = 65_536
"""Bodies up to this size are parsed on the event loop: about a millisecond."""
_THREAD_LIMIT_S: Final = 1.0
_THREAD_LIMIT_WHEN_BUSY_S: Final = 5.0
"""What is waited besides for a call that did not have a processor for all of that time."""
_ALL_OF_IT: Final = 0.9
_NO_HEADERS: Final = RawHeaders(())


class Extraction:
    """Evaluates answers: what is quick at once, what may take long in a thread."""

    def __init__(self, threads: Threads, *, tell_held: bool = True) -> None:
        self._threads = threads
        self._findings = partial(findings_in, tell_held=tell_held)

    async def __call__(
        self, check: Check, body: bytes, charset: str | None = None, headers: Headers = _NO_HEADERS,
        *, total_us: int = 0, certificate_left_us: int | None = None, mask: Callable[[str], str] = str,
    ) -> Findings:  # fmt: skip
        """What the check finds. Raises ExtractFailed when it takes too long; `threads.Busy` when no thread
        or no processor was free in time."""
        at_once = len(body) <= _AT_ONCE_BYTES and _is_quick(check)
        answer = Answer(
            body, charset, headers, total_us=total_us, certificate_left_us=certificate_left_us, mask=mask,
            quick=at_once,
        )  # fmt: skip
        if at_once:
            try:
                return self._findings(check, answer)
            except TookTooLong:
                # Begun again below, where it may take longer without holding up other checks.
                answer.take_time()
        job = self._threads.submit(lambda: self._findings(check, answer))
        try:
            for limit_s in (_THREAD_LIMIT_S, _THREAD_LIMIT_WHEN_BUSY_S):
                done, _ = await asyncio.wait((job.future,), timeout=limit_s)
                if done:
                    return job.future.result()
                if not job.begun:
                    raise Busy("all threads for extraction are busy")
                cpu_s = job.cpu_s()
                if cpu_s is None or cpu_s >= _ALL_OF_IT * _THREAD_LIMIT_S:
                    raise ExtractFailed(f"{_what(check)} took more than {_THREAD_LIMIT_S:g} s on this body")
        finally:
            job.future.cancel()
        raise Busy("this machine was too busy to look at the answer")


def _what(check: Check) -> str:
    return check.extractor.source if check.extractor and not check.assertions else "what is expected"


def _is_quick(check: Check) -> bool:
    slow = [one for one in check.assertions if not getattr(one.path, "quick", True)]
    return not slow and getattr(check.extractor, "quick", True)
