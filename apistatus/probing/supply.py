"""Something that checks share, that has to be fetched, and that ends some day: a token, keys.

Whoever asks while a fetch is under way waits for that one. A fetch is nobody's own: when the check that began it
runs out of time, the others still get what it brings. What goes on past the check that asked:

- Shortly before it ends, what is held is fetched anew behind the checks' backs; they go on with what they have.
- A failed fetch is remembered for a second, after further failures for twice as long each time, up to 16 s:
  until then everybody is told the same, and nobody asks again.
- What was refused is replaced by something new. When that is refused too, it was not to blame: for 5 s
  nothing is replaced.
"""

from __future__ import annotations

import asyncio
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from apistatus.ports import Clock
from apistatus.probing.auth_errors import NoCredentials
from apistatus.probing.deadlines import Within
from apistatus.probing.exchange_errors import ClosedByUs

T = TypeVar("T")

_FIRST_PAUSE_NS: Final = 1_000_000_000
_LONGEST_PAUSE_NS: Final = 16_000_000_000
_QUIET_NS: Final = 5_000_000_000


class Held(NamedTuple, Generic[T]):
    """What was fetched, until when it serves, and from when on the next is looked for (`Clock.mono_ns`)."""

    value: T
    renew_at_ns: int
    ends_at_ns: int


class Source(Protocol[T]):
    """Where it comes from."""

    async def fetch(self) -> Held[T]:
        """Fetch it. Raises NoCredentials."""

    def unfinished(self) -> str:
        """For people: what is not there, and how far the fetch under way has come."""


class _Failed(NamedTuple):
    error: NoCredentials
    at_ns: int
    pause_ns: int


class Supply(Generic[T]):
    """One shared thing. Belongs to the event loop that asks for it; `tasks` holds its fetches under way."""

    def __init__(self, source: Source[T], clock: Clock, tasks: set[asyncio.Task[object]]) -> None:
        self._source = source
        self._clock = clock
        self._tasks = tasks
        self._held: Held[T] | None = None
        self._failed: _Failed | None = None
        self._fetch: asyncio.Task[Held[T] | NoCredentials] | None = None
        self._quiet_until_ns = 0

    async def get(self, deadline_s: float) -> T:
        """What is held, or what a fetch brings before `deadline_s` (`time.monotonic`). Raises NoCredentials."""
        held, now_ns = self._held, self._clock.mono_ns()
        if held is None or now_ns >= held.ends_at_ns:
            return await self._fetched(deadline_s)
        if now_ns >= held.renew_at_ns:
            self._begin()
        return held.value

    async def in_place_of(self, refused: T, deadline_s: float) -> T | None:
        """Something else than what was refused; None when that would be asking too often, or nothing else
        is to be had. Raises NoCredentials."""
        held, now_ns = self._held, self._clock.mono_ns()
        if held is not None and held.value != refused and now_ns < held.ends_at_ns:
            return held.value
        if now_ns < self._quiet_until_ns:
            return None
        value = await self._fetched(deadline_s)
        if value == refused:
            self.was_in_vain()
            return None
        return value

    def was_in_vain(self) -> None:
        """What replaced something refused was refused as well."""
        self._quiet_until_ns = self._clock.mono_ns() + _QUIET_NS

    async def _fetched(self, deadline_s: float) -> T:
        fetch = self._begin()
        if fetch is None:
            raise self._still_failed()
        limit = Within(deadline_s)
        try:
            async with limit:
                got = await asyncio.shield(fetch)
        except TimeoutError as error:
            if not limit.has_passed:
                raise
            raise NoCredentials(self._source.unfinished()) from error
        except asyncio.CancelledError as error:
            if fetch.cancelled():
                raise ClosedByUs("the prober was closed") from error
            raise
        if isinstance(got, NoCredentials):
            raise NoCredentials(str(got), got.kind)
        return got.value

    def _begin(self) -> asyncio.Task[Held[T] | NoCredentials] | None:
        """The fetch under way, a new one, or None while the last one's failure is remembered."""
        if self._fetch is None:
            failed = self._failed
            if failed is not None and self._clock.mono_ns() < failed.at_ns + failed.pause_ns:
                return None
            self._fetch = asyncio.create_task(self._carry_out())
            self._tasks.add(self._fetch)
            self._fetch.add_done_callback(self._over)
        return self._fetch

    async def _carry_out(self) -> Held[T] | NoCredentials:
        try:
            held = await self._source.fetch()
        except NoCredentials as error:
            before_ns = self._failed.pause_ns if self._failed else 0
            pause_ns = min(max(_FIRST_PAUSE_NS, before_ns * 2), _LONGEST_PAUSE_NS)
            self._failed = _Failed(error, self._clock.mono_ns(), pause_ns)
            return error
        self._held, self._failed = held, None
        return held

    def _over(self, fetch: asyncio.Task[Held[T] | NoCredentials]) -> None:
        self._tasks.discard(fetch)
        self._fetch = None
        if not fetch.cancelled():
            # Nobody may be waiting any more; then there is nobody to warn either.
            fetch.exception()

    def _still_failed(self) -> NoCredentials:
        failed = self._failed
        assert failed is not None
        ago_s = (self._clock.mono_ns() - failed.at_ns) / 1e9
        return NoCredentials(f"{failed.error} (asked {ago_s:.1f} s ago)", failed.error.kind)
