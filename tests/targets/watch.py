"""When connections begin and end, told by the kernel to one thread that does nothing else."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

_GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class _Record:
    """One connection; `gone_s` stays None when our side ended it first."""

    __slots__ = ("accepted_s", "gone_s")

    def __init__(self) -> None:
        self.accepted_s = time.monotonic()
        self.gone_s: float | None = None


class Watch:
    """Told of connections as they are accepted, it notes when their peers leave or break them off."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._lock = threading.Lock()
        self._open: dict[int, _Record] = {}
        self._records: dict[str, list[_Record]] = {}
        self._stopping = threading.Event()
        self._running = threading.Event()
        self._quiet = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.thread_id = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._running.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(10)
        self._epoll.close()

    def of(self, name: str) -> Callable[[socket.socket], Callable[[], None]]:
        """For `Target.on_accept`: its connections are noted under `name`."""
        records = self._records.setdefault(name, [])

        def accepted(connection: socket.socket) -> Callable[[], None]:
            descriptor, record = connection.fileno(), _Record()
            with self._lock:
                records.append(record)
                self._open[descriptor] = record
                # Whoever left already is told of at once.
                self._epoll.register(descriptor, _GONE | select.EPOLLONESHOT)
            return lambda: self._closing(descriptor, record)

        return accepted

    def _closing(self, descriptor: int, record: _Record) -> None:
        """Our side closes it now, perhaps because it saw sooner than the thread here that the peer has left."""
        with self._lock:
            if self._open.get(descriptor) is not record:
                return
            del self._open[descriptor]
            poll = select.poll()
            poll.register(descriptor, select.POLLRDHUP)
            if poll.poll(0):
                record.gone_s = time.monotonic()

    def settle(self) -> None:
        """Return when all that has happened by now is noted."""
        self._quiet.clear()
        self._quiet.wait(10)

    def seen(self) -> dict[str, list[dict[str, Any]]]:
        """Every connection, by name, in the order in which they were accepted."""
        with self._lock:
            return {
                name: [{"accepted_s": one.accepted_s, "gone_s": one.gone_s} for one in records]
                for name, records in self._records.items()
            }

    def _run(self) -> None:
        self.thread_id = threading.get_native_id()
        self._running.set()
        while not self._stopping.is_set():
            told = self._epoll.poll(0.1)
            if not told:
                self._quiet.set()
            for descriptor, _ in told:
                gone_s = time.monotonic()
                # What was closed meanwhile is unregistered already.
                with self._lock, contextlib.suppress(OSError):
                    record = self._open.pop(descriptor, None)
                    if record is not None:
                        record.gone_s = gone_s
                    self._epoll.unregister(descriptor)
