"""What Kafka does not take in time waits on disk, and is sent from there behind everything that is live."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from apistatus.ports import End
from apistatus.runtime.metrics import Metrics
from apistatus.spool import publisher, waiting
from apistatus.spool.entries import Entry
from apistatus.spool.kept import Kept
from apistatus.spool.publisher import SpoolingPublisher
from apistatus.spool.store import Spool
from tests.fakes.clock import VirtualClock
from tests.unit.spool.bench import pragma
from tests.unit.spool.scripted_publisher import ScriptedPublisher


class Line:
    """A spooling publisher, stepped by hand, over a scripted one; `again` is the next run on that spool."""

    def __init__(self, folder: Path, *, is_always: bool = False, replay_per_s: float = 2000.0) -> None:
        self.folder, self.is_always, self.replay_per_s = folder, is_always, replay_per_s
        self.clock = VirtualClock()
        self.ends: list[tuple[bytes, End]] = []
        self.again()

    def again(self) -> None:
        self.inner, self.metrics = ScriptedPublisher(), Metrics()
        self.spool = Spool(self.folder, max_bytes=10_000_000, max_age_s=3600.0, clock=self.clock)
        self.outer = SpoolingPublisher(
            self.inner, self.spool, self.clock, self.metrics, is_always=self.is_always,
            overflow_after_s=5.0, replay_per_s=self.replay_per_s,
        )  # fmt: skip

    def publish(self, *values: bytes) -> None:
        for value in values:
            self.outer.publish(b"home", value, (), lambda end, value=value: self.ends.append((value, end)))

    def step(self, seconds: float = 0.0) -> None:
        """One turn after so long."""
        self.clock.now_ns += round(seconds * 1e9)
        self.outer.step()

    @property
    def spooled(self) -> list[bytes]:
        return [entry.value for _id, entry in self.spool.oldest(1000)]

    def counted(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"apistatus_{name}")


@pytest.fixture
def overflow(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path)
    yield line
    line.outer.close()


@pytest.fixture
def always(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path, is_always=True)
    yield line
    line.outer.close()


def test_what_is_acknowledged_in_time_never_touches_the_spool(overflow: Line) -> None:
    overflow.inner.acknowledges = True
    overflow.publish(b"1", b"2")
    overflow.step(10.0)
    assert overflow.ends == [(b"1", End.ACKNOWLEDGED), (b"2", End.ACKNOWLEDGED)]
    assert overflow.spooled == []


def test_what_is_not_acknowledged_in_time_is_written_down_and_stays_under_way(overflow: Line) -> None:
    overflow.publish(b"1")
    overflow.step(3.0)
    overflow.publish(b"2")
    overflow.step(2.5)
    assert overflow.spooled == [b"1"]
    assert overflow.ends == [(b"1", End.ON_DISK)]
    overflow.step(5.0)
    assert overflow.spooled == [b"1", b"2"]
    assert overflow.inner.values == [b"1", b"2"]
    overflow.inner.end_all()
    overflow.step(1.0)
    assert overflow.spooled == []
    assert overflow.ends == [(b"1", End.ON_DISK), (b"2", End.ON_DISK)]


def test_what_finds_no_room_goes_to_the_spool_and_is_sent_when_there_is_some(overflow: Line) -> None:
    overflow.inner.room = 1
    overflow.publish(b"1", b"2", b"3")
    overflow.step()
    assert overflow.spooled == [b"2", b"3"]
    overflow.inner.room = 10
    overflow.inner.end(b"1")
    overflow.step(1.0)
    assert overflow.inner.values == [b"1", b"2", b"3"]
    overflow.inner.end_all()
    overflow.step(1.0)
    assert overflow.spooled == []
    assert overflow.counted("messages_replayed_total") == 2
    assert overflow.counted("messages_failed_total") == 0


def test_one_that_is_given_up_while_it_is_written_down_lies_there_once(
    overflow: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is on disk is looked up by one thread while another writes it there."""
    looked, written = threading.Event(), threading.Event()
    append = overflow.spool.append
    giving_up = threading.Thread(target=lambda: overflow.inner.end(b"1", End.GIVEN_UP))

    class Watched(Kept):
        """Held up where it is looked at without the lock."""

        __slots__ = ("_spool_id",)

        @property
        def spool_id(self) -> int:
            found: int = self._spool_id
            if threading.current_thread() is giving_up and not overflow.outer._lock.locked():
                looked.set()
                assert written.wait(30)
            return found

        @spool_id.setter
        def spool_id(self, spool_id: int) -> None:
            self._spool_id = spool_id

    def append_slowly(entries: list[Entry]) -> list[int]:
        ids = append(entries)
        if not giving_up.ident:
            giving_up.start()
        while giving_up.is_alive() and not looked.is_set():
            giving_up.join(0.001)
        return ids

    monkeypatch.setattr(publisher, "Kept", Watched)
    monkeypatch.setattr(overflow.spool, "append", append_slowly)
    overflow.publish(b"1")
    overflow.step(6.0)
    written.set()
    giving_up.join(30)
    overflow.step(1.0)
    assert overflow.spooled == [b"1"]


def test_one_that_is_on_its_way_through_the_spool_counts_once(
    always: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsent: list[int] = []
    send = always.outer._send

    def count_and_send(kept: Kept) -> None:
        unsent.append(always.outer.flush(0.0))
        send(kept)

    monkeypatch.setattr(always.outer, "_send", count_and_send)
    always.publish(*(b"%d" % n for n in range(50)))
    always.step()
    assert unsent == [50] * 50


def test_with_always_a_message_is_on_disk_before_it_is_sent(always: Line) -> None:
    always.publish(b"1", b"2")
    assert always.inner.values == []
    always.step()
    assert always.inner.values == always.spooled == [b"1", b"2"]
    assert always.ends == [(b"1", End.ON_DISK), (b"2", End.ON_DISK)]
    always.inner.end(b"1")
    always.step(1.0)
    assert always.spooled == [b"2"]
    always.step(100.0)
    assert always.inner.values == [b"1", b"2"], "sent again although it was under way"


def test_what_a_run_left_is_sent_by_the_next_one_oldest_first_behind_what_is_live(always: Line) -> None:
    always.publish(*(b"%d" % n for n in range(50)))
    always.step()
    assert always.outer.close() == 0
    always.again()
    always.publish(b"live")
    always.step(1.0)
    assert always.inner.values == [b"live", *(b"%d" % n for n in range(50))]
    always.inner.end_all()
    always.step(1.0)
    assert always.spooled == []


def test_the_same_after_a_kill(always: Line) -> None:
    always.publish(b"1", b"2")
    always.step()
    always.spool.close()  # nothing else was orderly
    always.again()
    always.step(1.0)
    assert always.inner.values == [b"1", b"2"]


def test_old_messages_are_sent_at_a_set_rate_and_only_a_few_at_once(tmp_path: Path) -> None:
    line = Line(tmp_path, replay_per_s=100.0)
    line.inner.room = 0
    line.publish(*(b"%d" % n for n in range(2000)))
    line.step()
    assert line.outer.close() == 0
    line.again()
    line.step(0.1)
    assert len(line.inner.values) == 500
    line.step(1.0)
    assert len(line.inner.values) == 500, "more than 500 were under way"
    line.inner.end_all()
    line.step(1.0)
    sent = len(line.inner.values)
    assert 590 <= sent <= 1000
    line.inner.end_all()
    line.step(1.0)
    assert 90 <= len(line.inner.values) - sent <= 110
    assert line.inner.values == [b"%d" % n for n in range(len(line.inner.values))]


def test_a_replay_that_finds_no_room_is_tried_again_and_keeps_its_place(always: Line) -> None:
    always.inner.room = 2
    always.publish(*(b"%d" % n for n in range(5)))
    for _ in range(5):
        always.step(0.5)
    assert always.inner.values == [b"0", b"1"]
    always.inner.end_all()
    always.step(0.5)
    always.inner.end_all()
    always.step(0.5)
    always.inner.end_all()
    always.step(0.5)
    assert always.inner.values == [b"0", b"1", b"2", b"3", b"4"]


def test_a_message_that_can_never_be_sent_is_not_kept(always: Line) -> None:
    always.publish(b"huge")
    always.step()
    always.inner.end(b"huge", End.REFUSED)
    always.step(1.0)
    assert always.spooled == []


def test_an_orderly_end_waits_for_acknowledgements_and_spools_the_rest(
    overflow: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overflow.outer, "_standstill_s", 0.0)
    overflow.publish(b"1", b"2", b"3")
    overflow.inner.end(b"2")
    assert overflow.outer.flush(60.0) == 2
    assert overflow.outer.close() == 0
    assert overflow.ends == [(b"2", End.ACKNOWLEDGED), (b"1", End.ON_DISK), (b"3", End.ON_DISK)]
    overflow.again()
    assert overflow.spooled == [b"1", b"3"]


def test_what_goes_on_to_kafka_while_it_is_asked_is_waited_for(
    always: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def flush(_timeout_s: float) -> int:
        nonlocal asked
        asked += 1
        unsent = len(always.inner.waiting)
        if asked == 1:
            # The spool's thread writes and sends just then.
            always.outer.step()
        else:
            always.inner.end_all()
        return unsent

    monkeypatch.setattr(always.inner, "flush", flush)
    monkeypatch.setattr(always.outer._turns, "_thread", threading.Thread())
    always.publish(b"1")
    assert always.outer.flush(60.0) == 0
    assert always.ends[-1] == (b"1", End.ON_DISK)
    monkeypatch.setattr(always.outer._turns, "_thread", None)


def test_closing_twice_and_publishing_afterwards_breaks_nothing(always: Line) -> None:
    assert always.outer.close() == 0
    assert always.outer.close() == 0
    always.publish(b"late")
    assert always.inner.values == []
    assert always.ends == [(b"late", End.GIVEN_UP)]


def test_what_the_spool_has_in_memory_only_is_safe_when_it_is_back_on_disk(
    always: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(always.spool, "on_disk", lambda _ids: False)
    always.publish(b"1", b"2")
    always.step()
    assert always.inner.values == [b"1", b"2"]
    always.inner.end(b"2")
    assert always.ends == [(b"2", End.ACKNOWLEDGED)]
    monkeypatch.setattr(always.spool, "on_disk", lambda _ids: True)
    always.step(2.0)
    assert always.ends == [(b"2", End.ACKNOWLEDGED), (b"1", End.ON_DISK)]


def test_what_neither_kafka_nor_the_disk_has_in_the_end_is_counted(
    always: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(always.spool, "on_disk", lambda _ids: False)
    always.publish(b"1", b"2")
    always.step()
    always.inner.end(b"2")
    assert always.outer.close() == 1
    assert always.ends == [(b"2", End.ACKNOWLEDGED), (b"1", End.GIVEN_UP)]


def test_what_the_disk_would_not_take_in_the_end_does_not_count_as_spooled(always: Line) -> None:
    always.inner.room = 0
    always.publish(b"1", b"2")
    always.step()
    pragma(always.spool, "query_only=1")
    always.publish(b"3")
    always.step()
    assert always.outer.close() == 1
    assert always.outer.spooled == 2


def test_a_hanging_disk_makes_always_an_overflow_instead_of_filling_memory(
    always: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "WAITING_MAX_BYTES", 20)
    always.publish(b"x" * 10, b"y" * 10, b"z" * 10)
    assert always.inner.values == [b"y" * 10, b"z" * 10]
    always.inner.room = 2
    always.publish(b"lost" * 5)
    assert always.ends == [(b"lost" * 5, End.GIVEN_UP)]
    assert always.counted("messages_failed_total") == 1


def test_metrics_show_what_waits_and_how_old_it_is(overflow: Line) -> None:
    overflow.inner.room = 0
    overflow.publish(b"1", b"2")
    overflow.step(0.0)
    overflow.step(30.0)
    assert overflow.counted("spool_messages") == 2
    assert (overflow.counted("spool_bytes") or 0) > 2
    assert overflow.counted("spool_oldest_age_seconds") == pytest.approx(30.0)
    assert overflow.counted("spool_dropped_messages") == 0
    assert overflow.counted("spool_degraded") == 0
