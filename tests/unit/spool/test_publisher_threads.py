"""Senders, acknowledgements and the spool's own thread at once: nothing is lost, nothing ends twice."""

from __future__ import annotations

import random
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest

from apistatus.ports import End, Headers, OnEnd
from apistatus.runtime.clock import SystemClock
from apistatus.runtime.metrics import Metrics
from apistatus.spool.publisher import SpoolingPublisher
from apistatus.spool.store import Spool

SENDERS, MESSAGES_EACH = 3, 3000


class Moody:
    """An inner publisher with a thread of its own, which acknowledges most of what it did not refuse to
    take, in any order; the rest it gives up when it is closed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._taken: SimpleQueue[tuple[bytes, OnEnd] | None] = SimpleQueue()
        self._kept: list[OnEnd] = []
        self.acknowledged: Counter[bytes] = Counter()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def publish(self, key: bytes, value: bytes, headers: Headers = (), on_end: OnEnd | None = None) -> None:
        assert on_end is not None
        if self._random.random() < 0.1:
            on_end(End.GIVEN_UP)
        else:
            self._taken.put((value, on_end))

    def _run(self) -> None:
        while (message := self._taken.get()) is not None:
            value, on_end = message
            if self._random.random() < 0.1:
                self._kept.append(on_end)
            else:
                self.acknowledged[value] += 1
                on_end(End.ACKNOWLEDGED)

    def flush(self, timeout_s: float) -> int:
        return len(self._kept)

    def close(self) -> int:
        self._taken.put(None)
        self._thread.join()
        for on_end in self._kept:
            on_end(End.GIVEN_UP)
        return len(self._kept)


@pytest.mark.parametrize("is_always", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_every_message_is_acknowledged_or_on_disk_and_ends_once(
    tmp_path: Path, is_always: bool, seed: int
) -> None:
    clock, inner = SystemClock(), Moody(seed)
    spool = Spool(tmp_path, max_bytes=2**26, max_age_s=3600.0, clock=clock)
    outer = SpoolingPublisher(
        inner, spool, clock, Metrics(), is_always=is_always, overflow_after_s=0.05, replay_per_s=1e6
    )
    outer.start()
    ends: Counter[bytes] = Counter()
    last: dict[bytes, End] = {}

    def ended(value: bytes, end: End) -> None:
        ends[value] += 1
        last[value] = end

    def send(sender: int) -> None:
        for number in range(MESSAGES_EACH):
            value = b"%d-%d" % (sender, number)
            outer.publish(b"home", value, (), partial(ended, value))

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(SENDERS)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    outer.flush(0.5)
    assert outer.close() == 0
    everything = {b"%d-%d" % (sender, n) for sender in range(SENDERS) for n in range(MESSAGES_EACH)}
    assert ends == Counter(everything)
    assert set(last.values()) <= {End.ACKNOWLEDGED, End.ON_DISK}
    again = Spool(tmp_path, max_bytes=2**26, max_age_s=3600.0, clock=clock)
    on_disk = Counter(entry.value for _id, entry in again.oldest(10**6))
    again.close()
    assert set(inner.acknowledged) | set(on_disk) == everything
    assert not set(inner.acknowledged) & set(on_disk), "what was acknowledged was not deleted"
