"""The spool in good health: what went in comes out, in order, once, within its bounds."""

from __future__ import annotations

import struct
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apistatus.errors import ConfigurationError
from apistatus.spool.entries import ROW_BYTES, Entry
from apistatus.spool.store import Spool
from tests.fakes.clock import VirtualClock
from tests.unit.spool.bench import MIB, START_US, Bench, MakeBench, entry, messages


def test_gives_back_what_was_appended_oldest_first(make: MakeBench) -> None:
    bench = make()
    first = Entry(b"home", b"{}", (("ce_id", b"\x00\xff"), ("", b""), ("naïve", b"x" * 300)), START_US - 5)
    second = Entry(b"", b"", (), 0)
    ids = bench.spool.append([first, second])
    assert bench.spool.oldest(10) == [(ids[0], first), (ids[1], second)]
    assert ids[0] < ids[1]


def test_reads_on_behind_an_id_and_no_more_than_asked(make: MakeBench) -> None:
    bench = make()
    ids = bench.add(*range(10))
    assert [found for found, _ in bench.spool.oldest(3)] == ids[:3]
    assert [found for found, _ in bench.spool.oldest(3, ids[2])] == ids[3:6]
    assert bench.spool.oldest(3, ids[-1]) == []


def test_removes_what_was_sent_in_any_order_and_ignores_unknown_ids(make: MakeBench) -> None:
    bench = make()
    ids = bench.add(*range(10))
    bench.spool.remove([ids[7], ids[2], ids[3], ids[2], 10**15])
    assert bench.numbers() == [0, 1, 4, 5, 6, 8, 9]
    assert bench.spool.stats().entries == 7
    bench.spool.remove([])
    bench.spool.remove(reversed(ids))
    assert bench.numbers() == []
    assert (bench.spool.stats().entries, bench.spool.stats().bytes) == (0, 0)


def test_ids_are_not_used_twice_in_a_run_even_when_it_was_emptied(make: MakeBench) -> None:
    bench = make()
    ids = bench.add(1, 2)
    bench.spool.remove(ids)
    assert min(bench.add(3)) > max(ids)


def test_entries_and_counts_survive_a_restart(make: MakeBench) -> None:
    bench = make()
    ids = bench.add(*range(100))
    bench.spool.remove(ids[:40])
    before = bench.spool.stats()
    bench.restart()
    assert bench.numbers() == list(range(40, 100))
    assert bench.spool.stats() == before
    assert min(bench.add(100)) > max(ids)


def test_stats_name_the_oldest_and_the_bytes(make: MakeBench) -> None:
    bench = make()
    assert bench.spool.stats().oldest_us is None
    bench.add(7, 8)
    stats = bench.spool.stats()
    assert (stats.entries, stats.oldest_us, stats.degraded) == (2, START_US + 7, None)
    assert stats.bytes == 2 * (ROW_BYTES + 1 + 400)


def test_beyond_its_bytes_the_oldest_are_dropped_and_counted_for_ever(
    make: MakeBench, caplog: pytest.LogCaptureFixture
) -> None:
    cost = ROW_BYTES + 3 + 400
    bench = make(max_bytes=10 * cost)
    for number in range(100, 125):
        bench.add(number)
    assert bench.numbers() == list(range(115, 125))
    stats = bench.spool.stats()
    assert (stats.dropped_entries, stats.dropped_bytes, stats.bytes) == (15, 15 * cost, 10 * cost)
    bench.restart()
    assert bench.spool.stats().dropped_entries == 15
    bench.add(*range(200, 230))
    assert bench.spool.stats().dropped_entries == 15 + 30
    assert sum(int(str(line["entries"])) for line in messages(caplog, "spool.dropped")) == 45


def test_what_was_dropped_is_said_once_a_minute_with_how_many(
    make: MakeBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make(max_bytes=ROW_BYTES + 401)
    for number in range(10):
        bench.add(number)
        bench.pass_s(5)
    assert [line["entries"] for line in messages(caplog, "spool.dropped")] == [1]
    bench.pass_s(60)
    bench.spool.stats()
    assert [line["entries"] for line in messages(caplog, "spool.dropped")] == [1, 8]


def test_an_entry_larger_than_the_spool_is_dropped_alone(make: MakeBench) -> None:
    bench = make(max_bytes=5_000)
    bench.add(1, 2)
    bench.spool.append([entry(3, size_bytes=6_000), entry(4)])
    assert bench.numbers() == [1, 2, 4]
    assert bench.spool.stats().dropped_entries == 1


def test_entries_older_than_the_bound_are_dropped_and_counted(make: MakeBench) -> None:
    bench = make(max_age_s=3_600)
    bench.add(1)
    bench.pass_s(1_800)
    bench.add(2)
    bench.pass_s(1_801)
    assert bench.numbers() == [2]
    assert bench.spool.stats().dropped_entries == 1
    bench.spool.close()
    bench.pass_s(3_600)
    bench.spool = bench.open()
    bench.pass_s(1)
    assert bench.numbers() == []
    assert bench.spool.stats().dropped_entries == 2


@pytest.mark.parametrize("jump_s", [-400 * 86_400, 400 * 86_400])
def test_a_wall_clock_that_is_set_drops_nothing(make: MakeBench, jump_s: int) -> None:
    bench = make(max_age_s=3_600)
    bench.add(1)
    bench.set_wall(jump_s)
    bench.add(2)
    bench.pass_s(1_000)
    bench.add(3)
    assert bench.numbers() == [1, 2, 3]
    bench.clock.wall_step_us = -(10**12)
    bench.restart()
    bench.pass_s(1_000)
    bench.add(4)
    assert bench.numbers() == [1, 2, 3, 4]


def test_an_emptied_spool_gives_its_room_back(make: MakeBench, tmp_path: Path) -> None:
    bench = make()
    ids = [found for start in range(0, 60_000, 1_000) for found in bench.add(*range(start, start + 1_000))]
    bench.spool.sync()
    assert sum(file.stat().st_size for file in tmp_path.glob("spool.sqlite3*")) > 20 * MIB
    bench.spool.remove(ids)
    assert sum(file.stat().st_size for file in tmp_path.glob("spool.sqlite3*")) < MIB


def test_another_one_on_the_same_file_is_refused_with_what_to_do(make: MakeBench) -> None:
    bench = make()
    with pytest.raises(ConfigurationError, match=r"APISTATUS_STATE_DIR: .*in use by another process"):
        bench.open()
    bench.spool.close()
    bench.open().close()


def test_several_files_live_in_one_folder(tmp_path: Path) -> None:
    clock = VirtualClock()
    spools = [
        Spool(tmp_path, max_bytes=MIB, max_age_s=60, clock=clock, name=f"spool-{number}")
        for number in range(2)
    ]
    for number, spool in enumerate(spools):
        spool.append([entry(number)])
    assert [[each.key for _, each in spool.oldest(9)] for spool in spools] == [[b"0"], [b"1"]]
    for spool in spools:
        spool.close()


def test_nothing_goes_in_after_closing_and_closing_twice_is_fine(make: MakeBench) -> None:
    bench = make()
    bench.spool.close()
    bench.spool.close()
    with pytest.raises(ValueError, match="closed"):
        bench.add(1)


def test_an_entry_that_no_row_can_hold_harms_no_other(make: MakeBench) -> None:
    bench = make()
    for bad in (
        Entry(b"k", "text", (), 0),
        Entry(b"k", b"v", (), 2**70),
        Entry(b"k", b"v", (("n", None),), 0),
    ):
        with pytest.raises((TypeError, struct.error)):
            bench.spool.append([bad])
    bench.add(1)
    assert bench.numbers() == [1]
    assert bench.spool.degraded is None


def test_many_threads_append_read_and_remove_at_once(make: MakeBench) -> None:
    bench = make()
    sent: list[int] = []
    confirmed: list[list[int]] = [[] for _ in range(8)]
    done = threading.Event()

    def produce(worker: int) -> None:
        for number in range(200):
            confirmed[worker] += bench.add(worker * 1_000 + number)

    def drain() -> None:
        while True:
            last_round = done.is_set()
            found = bench.spool.oldest(50)
            sent.extend(int(each.key) for _, each in found)
            bench.spool.remove(entry_id for entry_id, _ in found)
            if last_round and not found:
                return

    workers = [threading.Thread(target=produce, args=(worker,)) for worker in range(8)]
    drainer = threading.Thread(target=drain)
    for thread in (*workers, drainer):
        thread.start()
    for thread in workers:
        thread.join(60)
    done.set()
    drainer.join(60)
    assert sorted(sent) == sorted(worker * 1_000 + number for worker in range(8) for number in range(200))
    assert len({found for ids in confirmed for found in ids}) == 1_600
    for worker in range(8):
        assert [number for number in sent if number // 1_000 == worker] == sorted(
            number for number in sent if number // 1_000 == worker
        )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "restart", "pass"]), st.integers(0, 40))))
def test_behaves_as_a_list_whatever_the_order_of_calls(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("spool"), max_bytes=30 * (ROW_BYTES + 410))
    model: list[tuple[int, int]] = []
    dropped = number = 0
    for step, amount in steps:
        if step == "add":
            numbers = range(number + 1_000_000_000, number + 1_000_000_000 + amount)
            number += amount
            model += zip(bench.add(*numbers), numbers, strict=True)
            dropped += max(0, len(model) - 30)
            model = model[-30:]
        elif step == "remove":
            bench.spool.remove(found for found, _ in model[:amount])
            model = model[amount:]
        elif step == "restart":
            bench.restart()
        else:
            bench.pass_s(amount)
        assert [(found, int(each.key)) for found, each in bench.spool.oldest(1_000)] == model
        stats = bench.spool.stats()
        assert (stats.entries, stats.dropped_entries) == (len(model), dropped)
    bench.spool.close()
