"""Damaged files: set aside with a message, what can be read is kept, and no start ever fails."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from apistatus.spool import files
from tests.unit.spool.bench import Bench, MakeBench, entry, messages


def filled(make: MakeBench, count: int = 2_000) -> tuple[Path, list[int]]:
    """A closed file with entries 0 to `count`."""
    bench: Bench = make()
    ids = bench.add(*range(count))
    bench.spool.close()
    return bench.spool.path, ids


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def set_aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob("spool.corrupt-*"))


def page_bytes(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[16:18], "big")


@pytest.mark.parametrize("rubbish", [b"this is no database" * 1_000, b"SQLite format 3\0" + b"\xff" * 9_000])
def test_a_file_of_rubbish_is_set_aside_and_a_new_one_begun(
    make: MakeBench, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path, _ = filled(make, 1)
    path.write_bytes(rubbish)
    bench = make()
    assert bench.spool.degraded is None
    bench.add(7)
    bench.restart()
    assert bench.numbers() == [7]
    assert [file.read_bytes() for file in set_aside(path)] == [rubbish]
    line = messages(caplog, "spool.damaged")[0]
    assert line["set_aside"] == str(set_aside(path)[0])


def test_another_database_at_that_place_is_set_aside_unharmed(make: MakeBench, tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite3"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE entries (precious TEXT)")
        other.execute("INSERT INTO entries VALUES ('yes')")
    other.close()
    bench = make()
    bench.add(1)
    assert bench.numbers() == [1]
    kept = sqlite3.connect(set_aside(path)[0])
    assert kept.execute("SELECT precious FROM entries").fetchall() == [("yes",)]
    kept.close()


@pytest.mark.parametrize("content", [b"", b"\0"])
def test_an_empty_file_is_begun_without_ado(make: MakeBench, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "spool.sqlite3").write_bytes(content)
    bench = make()
    bench.add(1)
    assert bench.numbers() == [1]
    assert set_aside(bench.spool.path) == []


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_one_bad_page_costs_its_own_entries_and_they_are_counted(make: MakeBench, place: str) -> None:
    path, ids = filled(make)
    size = page_bytes(path)
    leaves = [at for at in range(0, path.stat().st_size, size) if path.read_bytes()[at] == 0x0D]
    at = {"first": leaves[1], "middle": leaves[len(leaves) // 2], "last": leaves[-1]}[place]
    overwrite(path, at, b"\x99" * size)
    bench = make()
    found = bench.spool.oldest(10_000)
    assert 2_000 - 40 <= len(found) < 2_000
    assert [entry_id for entry_id, _ in found] == [ids[int(each.key)] for _, each in found]
    stats = bench.spool.stats()
    assert stats.entries == len(found)
    assert stats.dropped_entries == 2_000 - len(found)
    assert len(set_aside(path)) == 1


def test_a_flipped_bit_in_a_value_is_noticed_and_counted(
    make: MakeBench, caplog: pytest.LogCaptureFixture
) -> None:
    path, _ = filled(make, 100)
    overwrite(path, path.read_bytes().index(entry(50).value, page_bytes(path) * 3), b"w")
    bench = make()
    assert len(bench.numbers()) == 99
    assert (bench.spool.stats().entries, bench.spool.stats().dropped_entries) == (99, 1)
    assert [line["why"] for line in messages(caplog, "spool.dropped")] == ["damaged"]
    assert set_aside(path) == []


def test_damage_found_while_running_is_dealt_with_while_running(make: MakeBench) -> None:
    bench = make()
    ids = bench.add(*range(2_000))
    bench.restart()
    size = page_bytes(bench.spool.path)
    for at in range(5 * size, bench.spool.path.stat().st_size, 20 * size):
        overwrite(bench.spool.path, at, b"\x99" * size)
    numbers = bench.numbers()
    assert 1_000 < len(numbers) < 2_000
    assert numbers == sorted(numbers)
    bench.spool.remove(ids[number] for number in numbers)
    bench.add(5_000)
    assert bench.numbers() == [5_000]
    assert bench.spool.degraded is None


@pytest.mark.parametrize("seed", range(25))
def test_no_damage_of_any_kind_makes_a_start_fail(make: MakeBench, seed: int) -> None:
    chance = random.Random(seed)
    path, _ = filled(make, 500)
    whole = path.read_bytes()
    for _ in range(chance.randrange(1, 30)):
        length = chance.choice([1, 8, 500, 9_000])
        overwrite(path, chance.randrange(len(whole)), chance.randbytes(length))
    if chance.random() < 0.3:
        with path.open("r+b") as file:
            file.truncate(chance.randrange(len(whole)))
    if chance.random() < 0.3:
        path.with_name("spool.sqlite3-wal").write_bytes(chance.randbytes(5_000))
    for _ in range(2):
        bench = make()
        first = bench.spool.oldest(10_000)
        bench.spool.remove(entry_id for entry_id, _ in first[:10])
        ids = bench.add(9_999)
        assert bench.spool.degraded is None
        assert [found for found, _ in bench.spool.oldest(10_000)] == [found for found, _ in first[10:]] + ids
        assert all(each == entry(int(each.key)) for _, each in first)
        bench.spool.close()


def test_a_torn_log_costs_only_what_is_behind_the_tear(make: MakeBench, tmp_path: Path) -> None:
    bench = make()
    for number in range(100):
        bench.add(number)
    torn = tmp_path / "torn"
    torn.mkdir()
    for name in ("spool.sqlite3", "spool.sqlite3-wal"):
        (torn / name).write_bytes((tmp_path / name).read_bytes())
    log = torn / "spool.sqlite3-wal"
    overwrite(log, log.stat().st_size * 2 // 3, b"\xff" * 100)
    after = Bench(torn)
    numbers = after.numbers()
    assert numbers == list(range(len(numbers)))
    assert 20 < len(numbers) < 100
    after.add(500)
    after.close()


def rubbish_of(rounds: range, path: Path, make: MakeBench, **options: int) -> None:
    for round_ in rounds:
        path.write_bytes(b"rubbish of round %d" % round_)
        make(**options).close()
        options["wall_step_s"] = options.get("wall_step_s", 0) + 1


def test_only_the_newest_damaged_files_are_kept(make: MakeBench, caplog: pytest.LogCaptureFixture) -> None:
    path, _ = filled(make, 1)
    rubbish_of(range(6), path, make)
    kept = [file.read_bytes() for file in set_aside(path)]
    assert kept == [b"rubbish of round %d" % round_ for round_ in range(6 - files.KEPT_ASIDE, 6)]
    assert len(messages(caplog, "spool.set_aside_removed")) == 6 - files.KEPT_ASIDE


def test_the_damaged_file_of_now_is_kept_though_the_clock_was_set_back(make: MakeBench) -> None:
    path, _ = filled(make, 1)
    rubbish_of(range(3), path, make)
    rubbish_of(range(7, 8), path, make, wall_step_s=-86_400)
    assert b"rubbish of round 7" in [file.read_bytes() for file in set_aside(path)]


def test_a_kill_while_renewing_leaves_the_old_file_or_the_complete_copy(
    make: MakeBench, tmp_path: Path
) -> None:
    path, _ = filled(make, 20)
    half_done = path.with_suffix(".salvaged")
    half_done.write_bytes(b"half of a copy")
    bench = make()
    assert bench.numbers() == list(range(20))
    assert not half_done.exists()
    bench.spool.close()
    path.rename(half_done)
    path.with_name("spool.sqlite3-wal").write_bytes(b"log of the damaged file")
    bench = make()
    assert bench.numbers() == list(range(20))
    assert not half_done.exists()
