"""Whether our own network is there: a few references, asked only when a check has failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from apistatus.model.check import Check, TlsOptions
from apistatus.model.result import Outcome
from apistatus.ports import Clock, Prober

Asking: TypeAlias = Literal["answered", "failed", "denied"]
"""How an asking ended: one reference answered; none did; `APISTATUS_DENY_NETWORKS` forbids all of them."""

_HOLDS_NS: Final = 5_000_000_000
PATIENCE_S: Final = 2.0
_TIMEOUT_US: Final = 1_900_000
"""Less than the patience: a response that began, and did not end in time, is told before it is over."""
_SAID_CHARS: Final = 300


def _nobody(_ended: Asking, _said: str) -> None:
    """Nobody wants to know."""


class _Asked(NamedTuple):
    """An asking: of which references, since when, and the task whose result it is."""

    checks: tuple[Check, ...]
    since_mono_ns: int
    task: asyncio.Task[str | None]


class References:
    """Asks all references at once, at most once in 5 s; the first answer of any of them is enough.

    What an asking found out holds for 5 s from its beginning, for every check that fails meanwhile, also for
    one whose attempt began before or after it. Otherwise the references would have to be asked anew for it,
    and that is what the 5 s are against; or its result would have to wait for the next asking, and checks
    with short intervals would lose ticks to that. So for at most 5 s after our network went away or came
    back, a check can be judged by what was so before: when it went away, only if something else had failed
    in the 5 s before. Nothing older is used.

    Belongs to one event loop at a time: after `aclose` it may be used in another, and still remembers.
    """

    def __init__(
        self, urls: Sequence[str], clock: Clock, make_prober: Callable[[], Prober],
        on_asked: Callable[[Asking, str], None] = _nobody,
    ) -> None:  # fmt: skip
        """`make_prober` makes what asks them, at the first need: not the prober of the checks, whose lookups
        may all be waiting for a name server that is gone. `on_asked` is told how each asking ended, and what
        the references said."""
        self._clock = clock
        self._make_prober = make_prober
        self._on_asked = on_asked
        self._urls: tuple[str, ...] = ()
        self._checks: tuple[Check, ...] = ()
        self._prober: Prober | None = None
        self._asked: _Asked | None = None
        self.use(urls)

    def __len__(self) -> int:
        return len(self._checks)

    def use(self, urls: Sequence[str]) -> bool:
        """Ask these from now on; whether they are others than before, which forgets what was found out.
        Safe in any thread, one at a time."""
        if tuple(urls) == self._urls:
            return False
        self._urls = tuple(urls)
        self._checks = tuple(as_check(url, number) for number, url in enumerate(urls, 1))
        return True

    async def silence(self) -> str | None:
        """What the references said, when none of them answers; None: one does, or there is none to ask.

        Takes at most 2 s.
        """
        checks, asked, now_ns = self._checks, self._asked, self._clock.mono_ns()
        if not checks:
            return None
        if asked is None or asked.checks is not checks or now_ns - asked.since_mono_ns >= _HOLDS_NS:
            asked = self._asked = _Asked(checks, now_ns, asyncio.ensure_future(self._ask(checks)))
        if not asked.task.done():
            # `wait`, because a check that is given up does not end the asking for the others.
            await asyncio.wait((asked.task,))
        return "they were asked when we stopped" if asked.task.cancelled() else asked.task.result()

    async def aclose(self) -> None:
        """Close every socket; results that wait for an asking end as if none had answered."""
        if self._asked is not None and not self._asked.task.done():
            self._asked.task.cancel()
            await asyncio.wait((self._asked.task,))
        prober, self._prober = self._prober, None
        if prober is not None:
            await prober.aclose()

    async def _ask(self, checks: Sequence[Check]) -> str | None:
        prober = self._prober = self._prober or self._make_prober()
        tasks = [asyncio.ensure_future(prober.probe(check)) for check in checks]
        patience = asyncio.ensure_future(self._clock.sleep(PATIENCE_S))
        try:
            ended = await _ended(tasks, patience)
            said = "; ".join(map(_said, tasks)) if ended != "answered" else ""
        finally:
            for task in (*tasks, patience):
                task.cancel()
            await asyncio.gather(*tasks, patience, return_exceptions=True)
        said = said if len(said) <= _SAID_CHARS else said[: _SAID_CHARS - 1] + "…"
        self._on_asked(ended, said)
        return said if ended == "failed" else None


def as_check(url: str, number: int) -> Check:
    """The check that a reference is asked by: reachable is what gives any HTTP response.

    No redirect is followed and no body read, since where they lead says nothing about our own network. No
    certificate is verified: a reference whose certificate has expired, or a gateway that signed its own, is
    as good a proof that packets get through, and taking it for silence would excuse every outage of a target.
    """
    # No site and endpoint: all of the path and query is masked in what is said, as it may hold secrets.
    return Check(
        id=f"connectivity[{number}]", name=f"reference {number}", url=url, site="", endpoint="",
        interval_us=_HOLDS_NS // 1000, timeout_us=_TIMEOUT_US, follow_redirects=False, max_body_bytes=0,
        certificate_days=None, tls=TlsOptions(verify=False),
    )  # fmt: skip


async def _ended(tasks: Sequence[asyncio.Task[Outcome]], patience: asyncio.Task[None]) -> Asking:
    """Wait until one has answered, all have ended, or patience has."""
    left = set(tasks)
    while left and not patience.done():
        done, _ = await asyncio.wait((*left, patience), return_when=asyncio.FIRST_COMPLETED)
        if any(_answered(task) for task in left & done):
            return "answered"
        left -= done
    return "denied" if all(_denied(task) for task in tasks) else "failed"


def _outcome(task: asyncio.Task[Outcome]) -> Outcome | None:
    return task.result() if task.done() and not task.cancelled() and not task.exception() else None


def _answered(task: asyncio.Task[Outcome]) -> bool:
    """A status came, whatever became of the rest."""
    outcome = _outcome(task)
    return outcome is not None and outcome.status_code is not None


def _denied(task: asyncio.Task[Outcome]) -> bool:
    outcome = _outcome(task)
    return outcome is not None and outcome.failure == "blocked"


def _said(task: asyncio.Task[Outcome]) -> str:
    outcome = _outcome(task)
    if outcome is not None:
        return outcome.error or "no response"
    error = task.exception() if task.done() and not task.cancelled() else None
    return f"our own fault: {type(error).__name__}" if error else f"no answer within {PATIENCE_S:g} s"
