"""A disk that is full, read-only or gone: the spool goes on in memory, says so, and goes back by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from apistatus.spool.entries import ROW_BYTES
from apistatus.spool.reserve import RESERVE_BYTES
from tests.unit.spool.bench import Bench, MakeBench, messages

FAULTS = {
    "read-only": ("query_only=1", "query_only=0"),
    "full": ("max_page_count=1", "max_page_count=0x7fffffff"),
}


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The pragma that breaks the disk and the one that mends it."""
    return FAULTS[request.param]


def fill(bench: Bench) -> list[int]:
    """More than fits the pages that the file has already."""
    return bench.add(*range(1_000, 1_100))


def test_goes_on_in_memory_loudly_and_back_to_disk_by_itself(
    make: MakeBench, fault: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    bench = make()
    before = bench.add(1, 2)
    bench.pragma(fault[0])
    during = fill(bench)
    assert bench.spool.degraded is not None
    assert bench.spool.stats().degraded == bench.spool.degraded
    assert str(bench.spool.path) in bench.spool.degraded
    assert bench.spool.on_disk(before)
    assert not bench.spool.on_disk(during)
    assert bench.numbers() == [1, 2, *range(1_000, 1_100)]
    assert len(messages(caplog, "spool.degraded")) == 1

    bench.pragma(fault[1])
    bench.pass_s(1)
    after = bench.add(3)
    assert bench.spool.degraded is None
    assert bench.spool.on_disk(during + after)
    assert len(messages(caplog, "spool.mended")) == 1
    bench.restart()
    assert bench.numbers() == [1, 2, *range(1_000, 1_100), 3]


def test_sync_says_no_while_entries_are_in_memory(make: MakeBench, fault: tuple[str, str]) -> None:
    bench = make()
    bench.add(1)
    assert bench.spool.sync()
    bench.pragma(fault[0])
    fill(bench)
    assert not bench.spool.sync()
    bench.pragma(fault[1])
    bench.pass_s(1)
    assert bench.spool.sync()


def test_what_was_sent_meanwhile_is_not_sent_again(make: MakeBench) -> None:
    bench = make()
    ids = bench.add(*range(10))
    bench.pragma("query_only=1")
    ids += bench.add(10, 11)
    bench.spool.remove(ids[:4] + ids[10:11])
    assert bench.numbers() == [4, 5, 6, 7, 8, 9, 11]
    assert [found for found, _ in bench.spool.oldest(3)] == ids[4:7]
    bench.pragma("query_only=0")
    bench.pass_s(1)
    assert bench.numbers() == [4, 5, 6, 7, 8, 9, 11]
    bench.restart()
    assert bench.numbers() == [4, 5, 6, 7, 8, 9, 11]
    assert bench.spool.stats().entries == 7


def test_memory_is_bounded_and_what_it_drops_is_counted_for_ever(make: MakeBench) -> None:
    cost = ROW_BYTES + 4 + 400
    bench = make(memory_bytes=10 * cost)
    bench.pragma("query_only=1")
    bench.add(*range(1_000, 1_025))
    assert bench.numbers() == list(range(1_015, 1_025))
    assert (bench.spool.stats().dropped_entries, bench.spool.stats().dropped_bytes) == (15, 15 * cost)
    bench.pragma("query_only=0")
    bench.pass_s(1)
    bench.restart()
    assert bench.numbers() == list(range(1_015, 1_025))
    assert (bench.spool.stats().dropped_entries, bench.spool.stats().dropped_bytes) == (15, 15 * cost)


def test_entries_in_memory_grow_old_too(make: MakeBench) -> None:
    bench = make(max_age_s=60)
    bench.pragma("query_only=1")
    bench.add(1)
    bench.pass_s(61)
    bench.add(2)
    assert bench.numbers() == [2]
    assert bench.spool.stats().dropped_entries == 1


def test_closing_while_the_disk_fails_says_what_is_lost(
    make: MakeBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make()
    bench.pragma("query_only=1")
    bench.add(1, 2)
    bench.spool.close()
    assert [line["entries"] for line in messages(caplog, "spool.lost")] == [2]


def test_closing_writes_what_is_in_memory_when_the_disk_is_back(make: MakeBench) -> None:
    bench = make()
    bench.pragma("query_only=1")
    bench.add(1, 2)
    bench.pragma("query_only=0")
    bench.restart()
    assert bench.numbers() == [1, 2]


def test_a_folder_that_cannot_be_made_is_waited_for(make: MakeBench, tmp_path: Path) -> None:
    full = make()
    full.add(*range(5))
    full.spool.close()
    kept = tmp_path.parent / "kept"
    shutil.move(tmp_path, kept)
    tmp_path.write_text("a file where the folder belongs")
    bench = make()
    assert bench.spool.degraded is not None
    ids = bench.add(5, 6)
    assert bench.numbers() == [5, 6]
    bench.spool.remove(ids[:1])
    tmp_path.unlink()
    shutil.move(kept, tmp_path)
    bench.pass_s(1)
    assert bench.numbers() == [0, 1, 2, 3, 4, 6]
    bench.restart()
    assert bench.numbers() == [0, 1, 2, 3, 4, 6]


def test_ids_stay_in_order_when_the_file_comes_late_and_the_clock_was_behind(
    make: MakeBench, tmp_path: Path
) -> None:
    full = make()
    for _ in range(3):
        full.spool._next_id += full.clock.wall_us()
        full.add(1)
    full.spool.close()
    kept = tmp_path.parent / "kept-for-later"
    shutil.move(tmp_path, kept)
    tmp_path.write_text("a file where the folder belongs")
    bench = make()
    bench.add(2, 3)
    tmp_path.unlink()
    shutil.move(kept, tmp_path)
    bench.pass_s(1)
    bench.add(4)
    assert bench.numbers() == [1, 1, 1, 2, 3, 4]


def test_a_file_removed_under_us_is_written_again(
    make: MakeBench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make()
    ids = bench.add(*range(50))
    bench.spool.remove(ids[:5])
    shutil.rmtree(tmp_path)
    bench.pass_s(1)
    bench.add(50)
    assert bench.spool.degraded is None
    bench.restart()
    assert bench.numbers() == list(range(5, 51))
    assert len(messages(caplog, "spool.file_vanished")) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "spool.reserve",
        "spool.sqlite3",
        "spool.sqlite3-wal",
    ]


def test_an_older_copy_put_in_place_under_us_is_set_aside(make: MakeBench, tmp_path: Path) -> None:
    bench = make()
    bench.add(1)
    bench.restart()
    copy = tmp_path / "copy"
    shutil.copy(bench.spool.path, copy)
    bench.add(2)
    copy.rename(bench.spool.path)
    bench.pass_s(1)
    bench.add(3)
    bench.restart()
    assert bench.numbers() == [1, 2, 3]
    assert list(tmp_path.glob("spool.corrupt-*"))


def test_room_is_kept_beside_the_file_and_given_up_while_the_disk_is_full(
    make: MakeBench, tmp_path: Path
) -> None:
    bench = make()
    reserve = tmp_path / "spool.reserve"
    assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES
    ids = bench.add(1)
    bench.pragma("max_page_count=1")
    fill(bench)
    assert not reserve.exists()
    bench.spool.remove(ids)
    assert bench.numbers() == list(range(1_000, 1_100))
    bench.pragma("max_page_count=0x7fffffff")
    bench.pass_s(1)
    assert bench.spool.stats().degraded is None
    assert reserve.stat().st_size == RESERVE_BYTES


def test_without_that_room_the_file_is_read_but_not_written(make: MakeBench, tmp_path: Path) -> None:
    bench = make()
    bench.add(1)
    bench.spool.close()
    reserve = tmp_path / "spool.reserve"
    reserve.unlink()
    reserve.mkdir()
    bench = make()
    assert bench.spool.degraded is not None
    ids = bench.add(2)
    assert bench.numbers() == [1, 2]
    assert not bench.spool.on_disk(ids)
    reserve.rmdir()
    bench.pass_s(1)
    assert bench.spool.on_disk(ids)
