"""A few threads for calls that block. They never hold up the end of the program, unlike those of
the standard library's executors, which wait for a name lookup that nobody wants any more."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_cpu_clock_of = getattr(time, "pthread_getcpuclockid", None)
"""macOS has none."""


class Busy(Exception):
    """The call was given up before a thread was free for it: our own shortage, nobody else's fault."""


class Job(Generic[T]):
    """A call under way. `begun` is true once a thread works on it; `future` belongs to the event loop."""

    __slots__ = ("_began_cpu_s", "_call", "_cpu_clock", "_loop", "begun", "future")

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()
        self.begun = False
        self._cpu_clock: int | None = None
        self._began_cpu_s = 0.0

    def carry_out(self) -> None:
        """Make the call in this thread and hand over its result; nothing when nobody waits any more."""
        if self.future.cancelled():
            return
        # The clock first: who finds that it has begun may ask for it at once.
        if _cpu_clock_of is not None:
            self._began_cpu_s, self._cpu_clock = time.thread_time(), _cpu_clock_of(threading.get_ident())
        self.begun = True
        try:
            result = self._call()
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits
            self._hand_over(self._fail, error)
        else:
            self._hand_over(self._succeed, result)

    def cpu_s(self) -> float | None:
        """Seconds of a processor that the call has had so far; None where the system does not tell."""
        if self._cpu_clock is None:
            return None
        try:
            return time.clock_gettime(self._cpu_clock) - self._began_cpu_s
        except OSError:  # the thread has ended
            return None

    def _hand_over(self, how: Callable[[Any], None], what: object) -> None:
        try:
            self._loop.call_soon_threadsafe(how, what)
        except RuntimeError:
            # The loop is closed: the program is ending.
            return

    def _succeed(self, result: T) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def _fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)
            # Nobody may be waiting any more; then there is nobody to warn either.
            self.future.exception()


class Threads:
    """At most `limit` daemon threads, each started when it is needed."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._started = 0
        self._spare = 0
        """Idle threads less jobs that wait; negative when jobs outnumber the threads."""

    def submit(self, call: Callable[[], T]) -> Job[T]:
        """Have a thread make the call; await the job's `future`, cancel it to give up."""
        job = Job(call)
        with self._lock:
            start = self._spare <= 0 and self._started < self._limit
            if start:
                self._started += 1
            else:
                self._spare -= 1
        self._jobs.put(job)
        if start:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        return job

    def close(self) -> None:
        """Let the threads end, each after the call it is in. Jobs may still be submitted afterwards."""
        with self._lock:
            started, self._started, self._spare = self._started, 0, 0
        for _ in range(started):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.carry_out()
            with self._lock:
                self._spare += 1
