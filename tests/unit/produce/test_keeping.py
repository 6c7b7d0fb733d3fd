"""The watermark and the checks in force on disk: kept when they change, read at the next start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from apistatus.produce.backfill import InForce, Past, Spans
from apistatus.produce.keeping import CHECKS_FILE, WATERMARK_FILE, Keeper, read_past
from apistatus.runtime.state_dir import StateDir
from tests.fakes.clock import NOW_US

CHECKS: Spans = {"home": (InForce(500_000, 1, 7), InForce(1_000_000, 7)), "api": (InForce(1_000_000, 5),)}


class Bench:
    """A keeper, stepped by hand, and what it keeps."""

    def __init__(self, folder: Path) -> None:
        self.state = StateDir(folder)
        self.watermark_us, self.checks = NOW_US, CHECKS
        self.syncs = 0
        self.keeper = Keeper(
            self.state, "here", lambda: self.watermark_us, lambda: self.checks, self._sync
        )  # fmt: skip

    def _sync(self) -> None:
        self.syncs += 1

    def past(self, location: str = "here") -> Past | None:
        return read_past(self.state, location)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_is_kept_is_what_the_next_start_reads(bench: Bench) -> None:
    bench.keeper.keep()
    assert bench.past() == Past(NOW_US, CHECKS)
    bench.watermark_us += 5
    bench.checks = {"api": CHECKS["api"]}
    bench.keeper.keep()
    assert bench.past() == Past(NOW_US + 5, {"api": CHECKS["api"]})


def test_the_disk_has_everything_before_the_watermark_says_so(bench: Bench) -> None:
    seen: list[Past | None] = []
    bench.keeper._sync = lambda: seen.append(bench.past())
    bench.keeper.keep()
    assert seen == [None]


def test_nothing_is_written_while_nothing_changes(bench: Bench, tmp_path: Path) -> None:
    bench.keeper.keep()
    inodes = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    bench.keeper.keep()
    assert {path.name: path.stat().st_ino for path in tmp_path.iterdir()} == inodes
    assert bench.syncs == 1


def test_before_the_first_turn_only_the_watermark_is_known(bench: Bench, tmp_path: Path) -> None:
    bench.keeper._in_force = lambda: None
    bench.keeper.keep()
    assert [path.name for path in tmp_path.iterdir()] == [WATERMARK_FILE]
    assert bench.past() == Past(NOW_US, None)


def test_a_first_start_finds_nothing(bench: Bench) -> None:
    assert bench.past() is None


def test_another_location_has_a_past_of_its_own(bench: Bench) -> None:
    bench.keeper.keep()
    assert bench.past("elsewhere") is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff\xfe", b"[]", b"7", b'{"v": 2, "location": "here", "watermark_us": 5}',
        b'{"v": 1, "location": "here"}', b'{"v": 1, "location": "here", "watermark_us": "5"}',
        b'{"v": 1, "location": "here", "watermark_us": -1}',
        b'{"v": 1, "location": "here", "watermark_us": 1e300}',
        b'{"v": 1, "location": "here", "watermark_us": 999999999999999999999}',
    ],
)  # fmt: skip
def test_a_damaged_watermark_is_said_and_ignored(
    bench: Bench, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / WATERMARK_FILE).write_bytes(content)
    assert bench.past() is None
    assert "state.damaged" in caplog.messages


@pytest.mark.parametrize(
    "checks", [[1], {"a": 1}, {"a": [[0, 1, None]]}, {"a": [[1, 1]]}, {"a": [[1, "x", None]]}]
)
def test_damaged_checks_are_said_and_nothing_is_made_of_them(
    bench: Bench, tmp_path: Path, checks: object, caplog: pytest.LogCaptureFixture
) -> None:
    bench.keeper.keep()
    (tmp_path / CHECKS_FILE).write_text(json.dumps({"v": 1, "location": "here", "checks": checks}))
    assert bench.past() is None
    assert "state.damaged" in caplog.messages


def test_a_disk_at_fault_ends_nothing_and_is_said_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_name: str, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bench.state, "keep", fail)
    for _ in range(5):
        bench.keeper.keep()
    assert caplog.messages.count("watermark.not_kept") == 1


def test_the_last_state_is_kept_at_the_end(bench: Bench) -> None:
    bench.keeper.start()
    bench.watermark_us += 9
    bench.keeper.close()
    assert bench.past() == Past(NOW_US + 9, CHECKS)
