"""Spools of other producers in the state directory are emptied into our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.spool.entries import Entry
from apistatus.spool.leftovers import Leftovers
from apistatus.spool.store import Spool
from tests.fakes.clock import VirtualClock

CLOCK = VirtualClock()
CAPS = {"max_bytes": 10_000_000, "max_age_s": 3600.0}


def spool(folder: Path, name: str) -> Spool:
    return Spool(folder, max_bytes=10_000_000, max_age_s=3600.0, clock=CLOCK, name=name)


def fill(folder: Path, name: str, count: int) -> None:
    other = spool(folder, name)
    other.append([Entry(b"home", b"%s-%d" % (name.encode(), n), (("a", b"b"),)) for n in range(count)])
    other.close()


def test_everything_is_moved_in_order_and_the_emptied_files_are_removed(tmp_path: Path) -> None:
    fill(tmp_path, "spool-1", 1200)
    fill(tmp_path, "spool-2", 3)
    own = spool(tmp_path, "spool")
    leftovers = Leftovers(own, CLOCK, **CAPS)
    while leftovers.adopt():
        pass
    values = [entry.value for _id, entry in own.oldest(5000)]
    assert values == [b"spool-1-%d" % n for n in range(1200)] + [b"spool-2-%d" % n for n in range(3)]
    assert own.oldest(1)[0][1].headers == (("a", b"b"),)
    assert {path.name for path in tmp_path.iterdir()} <= {
        "spool.sqlite3",
        "spool.sqlite3-wal",
        "spool.reserve",
    }
    own.close()


def test_more_than_our_own_spool_may_hold_is_moved_as_room_comes(tmp_path: Path) -> None:
    with_room = spool(tmp_path, "spool-1")
    with_room.append([Entry(b"home", b"%d" % n + b"." * 1000) for n in range(1500)])
    with_room.close()
    own = Spool(tmp_path, max_bytes=1_000_000, max_age_s=3600.0, clock=CLOCK, name="spool")
    leftovers = Leftovers(own, CLOCK, max_bytes=1_000_000, max_age_s=3600.0)
    values: list[bytes] = []
    for _turn in range(10):
        for _ in range(3):
            leftovers.adopt()
        sent = own.oldest(5000)
        values += [entry.value.rstrip(b".") for _id, entry in sent]
        own.remove(entry_id for entry_id, _entry in sent)
    assert values == [b"%d" % n for n in range(1500)]
    assert own.stats().dropped_entries == 0
    assert not leftovers.adopt()
    own.close()


def test_nothing_to_adopt_is_said_at_once(tmp_path: Path) -> None:
    own = spool(tmp_path, "spool")
    assert not Leftovers(own, CLOCK, **CAPS).adopt()
    own.close()


def test_a_spool_that_is_in_use_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = spool(tmp_path, "spool-1")
    other.append([Entry(b"home", b"1")])
    own = spool(tmp_path, "spool")
    assert not Leftovers(own, CLOCK, **CAPS).adopt()
    assert "leftover.skipped" in caplog.messages
    assert own.oldest(1) == []
    own.close()
    other.close()


def test_a_damaged_one_is_set_aside_and_its_readable_part_adopted(tmp_path: Path) -> None:
    (tmp_path / "spool-1.sqlite3").write_bytes(b"not a database" * 100)
    own = spool(tmp_path, "spool")
    leftovers = Leftovers(own, CLOCK, **CAPS)
    while leftovers.adopt():
        pass
    assert own.oldest(1) == []
    assert list(tmp_path.glob("spool-1.corrupt-*"))
    own.close()
