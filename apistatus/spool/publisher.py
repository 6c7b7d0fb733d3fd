"""A publisher whose messages outlive Kafka's absence and our own end: what has to wait, waits on disk.

Mode `overflow`: a message that is not acknowledged after some seconds, or finds no room, is written to
the spool. Mode `always`: every message is written first and sent then. Either way it is deleted there
when the brokers have it. What lies in the spool and is not under way is sent oldest first, at a set
rate and few at once, so that live results never queue behind it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from apistatus.ports import Clock, End, Headers, OnEnd, ResultPublisher
from apistatus.runtime.logs import Events, OncePerMinute
from apistatus.runtime.metrics import Metrics
from apistatus.spool.entries import Entry
from apistatus.spool.gauges import show
from apistatus.spool.kept import Kept, Rate, State
from apistatus.spool.store import Spool
from apistatus.spool.turns import TURN_S, Turns
from apistatus.spool.waiting import Waiting

log = Events("spool")

OVERFLOW_AFTER_S: Final = 5.0
"""So old is the youngest result that a SIGKILL in mode `overflow` can take while Kafka is away."""
REPLAY_PER_S: Final = 2000.0
_REPLAYS_AT_ONCE: Final = 500
_REMOVE_S: Final = 0.1
_UPKEEP_S: Final = 1.0
STANDSTILL_S: Final = 3.0
"""Without an acknowledgement for so long there is no use in waiting: the rest is safe on disk."""
_CLOSE_S: Final = 10.0


class SpoolingPublisher:
    """`ports.ResultPublisher` over another one and a spool, which it closes with itself.

    One thread writes, deletes and replays; it begins with `start`. The inner publisher must not be the
    last resort of what it gives up.
    """

    def __init__(
        self, publisher: ResultPublisher, spool: Spool, clock: Clock, metrics: Metrics, *,
        is_always: bool, overflow_after_s: float = OVERFLOW_AFTER_S, replay_per_s: float = REPLAY_PER_S,
        adopt: Callable[[], bool] = lambda: False, standstill_s: float = STANDSTILL_S,
    ) -> None:  # fmt: skip
        """`adopt` moves a little of what others left into the spool; False: nothing is left."""
        self._publisher, self._spool, self._clock, self._metrics = publisher, spool, clock, metrics
        self._is_always, self._overflow_ns = is_always, int(overflow_after_s * 1e9)
        self._adopt, self._may_adopt, self._standstill_s = adopt, True, standstill_s
        self._lock = threading.Lock()
        """Never held while the inner publisher is called: that one calls `_ended` with its own lock held."""
        self._waiting = Waiting()
        self._writing: list[Kept] = []
        """Messages on their way to the spool and, when they were not sent before, from there to Kafka."""
        self._young: dict[int, Kept] = {}
        """Sent and not on disk, oldest first."""
        self._under_way: dict[int, Kept] = {}
        """Sent and in the spool, by the id there, until they are deleted."""
        self._acknowledged: list[int] = []
        self._unsafe: deque[Kept] = deque()
        """In the spool while that one is in memory only."""
        self._cursor = 0
        """Every entry up to this id is under way or gone."""
        self._rate, self._replays, self._may_replay = Rate(replay_per_s, _REPLAYS_AT_ONCE), 0, True
        self._removed_ns = self._kept_up_ns = clock.mono_ns()
        self._acks = self._lost = 0
        self._once = OncePerMinute()
        self._turns = Turns(self.step)
        self._stats = spool.stats()
        show(metrics, spool, lambda: self._stats, clock)

    def start(self) -> None:
        """Begin to write, delete and replay."""
        self._turns.start()

    def publish(
        self, key: bytes, value: bytes, headers: Headers = (), on_end: OnEnd | None = None
    ) -> None:  # fmt: skip
        """Queue one message; never blocks. It ends as `ON_DISK` when it is, and `ACKNOWLEDGED` otherwise."""
        kept = Kept(Entry(key, value, tuple(headers), self._clock.wall_us()), on_end, self._clock.mono_ns())
        if self._turns.are_over:
            kept.tell(End.GIVEN_UP)
        elif self._is_always and self._wait_for_disk(kept, self._waiting.fresh):
            self._turns.ask()
        else:
            self._send(kept)

    def readiness(self) -> str | None:
        """None: what waits, waits on disk; else why in memory only."""
        cause = self._spool.degraded
        return None if cause is None else f"what waits for Kafka is kept in memory only; {cause}"

    @property
    def spooled(self) -> int:
        """Entries in the spool a moment ago, or when it was closed."""
        return self._stats.entries

    def flush(self, timeout_s: float) -> int:
        """Wait until live messages are acknowledged; how many are not. Replaying ends with this.

        Returns early when no acknowledgement comes and the disk is there to keep the rest.
        """
        self._may_replay = False
        until_s = time.monotonic() + timeout_s
        acks, acked_s = self._acks, time.monotonic()
        while (left_s := until_s - time.monotonic()) > 0:
            if not self._turns.have_begun:
                self.step()
            # In this order: what leaves our hands meanwhile is in the inner publisher's.
            with self._lock:
                unsent = len(self._waiting.fresh) + len(self._writing)
            unsent += self._publisher.flush(min(left_s, TURN_S))
            if not unsent:
                break
            if self._acks != acks:
                acks, acked_s = self._acks, time.monotonic()
            elif time.monotonic() - acked_s > self._standstill_s and self._spool.degraded is None:
                break
        with self._lock:
            held = [
                *self._waiting.fresh, *self._waiting.returned, *self._writing,
                *self._young.values(), *self._under_way.values(),
            ]  # fmt: skip
        # One that is being written is in two of them for a moment.
        return len({id(kept) for kept in held if kept.state is not State.OVER})

    def close(self) -> int:
        """Close the inner publisher, write what it still had, free the spool; how many messages are
        neither acknowledged nor on disk."""
        if self._turns.are_over:
            return 0
        self._turns.end(_CLOSE_S)
        lost_before = self._lost
        self._publisher.close()
        if self._turns.hang:
            log.error("spool.hangs", hint="the disk does not answer; what was not written is abandoned")
            return len(self._young) + len(self._waiting)
        self._write_down(everything=True)
        self._remove_acknowledged()
        stats = self._spool.stats()
        self._stats = replace(stats, entries=stats.entries - self._spool.close())
        self._tell_safe()
        for kept in self._unsafe:
            self._lose(kept)
        return self._lost - lost_before

    def step(self) -> None:
        """One turn: write what has to be, delete what was acknowledged, send a little of what waits."""
        self._write_down()
        now_ns = self._clock.mono_ns()
        if now_ns - self._removed_ns >= _REMOVE_S * 1e9:
            self._removed_ns = now_ns
            self._remove_acknowledged()
        if self._may_replay and not self._turns.are_over:
            self._replay()
        if now_ns - self._kept_up_ns >= _UPKEEP_S * 1e9:
            self._kept_up_ns = now_ns
            self._tell_safe()
            self._stats = self._spool.stats()
        if self._may_adopt and self._may_replay:
            self._may_adopt = self._adopt()

    def _write_down(self, *, everything: bool = False) -> None:
        taken = self._take(everything=everything)
        if not taken:
            return
        ids = self._spool.append([kept.entry for kept in taken])
        is_safe = self._spool.on_disk(ids)
        with self._lock:
            to_send = [kept for kept in taken if kept.state is State.NEW and not everything]
            for kept, spool_id in zip(taken, ids, strict=True):
                kept.spool_id, kept.is_being_written = spool_id, False
                if kept.state is State.OVER:
                    self._acknowledged.append(spool_id)
                if kept.state is not State.RETURNED:
                    self._under_way[spool_id] = kept
            stays = any(kept.state is State.RETURNED for kept in taken)
            if self._cursor >= ids[0] - 1 and not stays:
                self._cursor = ids[-1]
        for kept in taken:
            if is_safe:
                kept.tell(End.ON_DISK)
            elif kept.state is not State.OVER:
                self._unsafe.append(kept)
        for kept in to_send:
            self._send(kept)
        self._writing = []

    def _take(self, *, everything: bool) -> list[Kept]:
        cut_ns = self._clock.mono_ns() - self._overflow_ns
        with self._lock:
            taken = self._waiting.taken()
            for kept in self._young.values():
                if kept.since_ns > cut_ns and not everything:
                    break
                taken.append(kept)
            for kept in taken:
                self._young.pop(id(kept), None)
                kept.is_being_written = True
            self._writing = taken
        return taken

    def _send(self, kept: Kept) -> None:
        with self._lock:
            kept.state = State.SENT
            if kept.spool_id:
                self._under_way[kept.spool_id] = kept
            else:
                self._young[id(kept)] = kept
        entry = kept.entry
        self._publisher.publish(entry.key, entry.value, entry.headers, partial(self._ended, kept))

    def _ended(self, kept: Kept, end: End) -> None:
        """What the inner publisher says, in any thread and with its own lock held."""
        with self._lock:
            self._young.pop(id(kept), None)
            self._replays -= kept.is_replay
            kept.state = State.RETURNED if end is End.GIVEN_UP else State.OVER
            if kept.spool_id and end is End.GIVEN_UP:
                del self._under_way[kept.spool_id]
                self._cursor = min(self._cursor, kept.spool_id - 1)
            elif kept.spool_id:
                self._acknowledged.append(kept.spool_id)
            # Here, because the spool's thread may write it down just now.
            is_kept = (
                bool(kept.spool_id)
                or kept.is_being_written
                or (end is End.GIVEN_UP and self._waiting.admits(kept, self._waiting.returned))
            )
        if end is not End.GIVEN_UP:
            self._acks += 1
            kept.tell(end)
            if kept.is_replay:
                self._metrics.replayed.inc()
            return
        if not is_kept:
            self._lose(kept)

    def _wait_for_disk(self, kept: Kept, queue: deque[Kept]) -> bool:
        with self._lock:
            return self._waiting.admits(kept, queue)

    def _replay(self) -> None:
        """Send what waits in the spool, oldest first, behind everything that is live."""
        limit = min(self._rate.allows(self._clock.mono_ns()), _REPLAYS_AT_ONCE - self._replays)
        if limit <= 0:
            return
        for spool_id, entry in self._spool.oldest(limit, self._cursor):
            kept = Kept(entry, None, self._clock.mono_ns())
            kept.spool_id, kept.is_replay = spool_id, True
            with self._lock:
                self._cursor = max(self._cursor, spool_id)
                if spool_id in self._under_way:
                    continue
                self._replays += 1
            self._rate.count()
            self._send(kept)
            if kept.state is State.RETURNED:
                return

    def _remove_acknowledged(self) -> None:
        with self._lock:
            ids, self._acknowledged = self._acknowledged, []
        if not ids:
            return
        self._spool.remove(ids)
        with self._lock:
            for spool_id in ids:
                # Only now: up to here it would have been read and sent a second time.
                self._under_way.pop(spool_id, None)

    def _tell_safe(self) -> None:
        """The disk is back: what was kept in memory meanwhile is there now."""
        while self._unsafe and self._spool.on_disk([self._unsafe[0].spool_id]):
            self._unsafe.popleft().tell(End.ON_DISK)

    def _lose(self, kept: Kept) -> None:
        if kept.state is State.OVER:
            return
        self._lost += 1
        self._metrics.publish_failed.inc()
        if self._once.admits("lost") is not None:
            log.error("message.given_up", cause="neither Kafka nor the disk took it")
        kept.tell(End.GIVEN_UP)
