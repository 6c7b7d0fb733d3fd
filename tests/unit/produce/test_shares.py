"""Checks divided among processes, and what one run leaves handed over to another number of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apistatus.model.identity import phase_us
from apistatus.produce import shares as shares_module
from apistatus.produce.backfill import InForce, Past
from apistatus.produce.keeping import forget_past, keep_past, read_past
from apistatus.produce.shares import Share, all_homes, hand_over, merged, other_homes, shares
from apistatus.runtime.state_dir import StateDir

SECOND_US = 1_000_000
IDS = [f"check-{number}" for number in range(400)]
HERE = "here"


def _spans(from_us: int = 0) -> dict[str, tuple[InForce, ...]]:
    return {name: (InForce(SECOND_US, from_us),) for name in IDS}


def _past(folder: Path) -> Past:
    past = read_past(StateDir(folder), HERE)
    assert past is not None, folder
    return past


@given(st.text(min_size=1), st.integers(1, 64))
def test_every_check_is_made_by_exactly_one_process(check_id: str, of: int) -> None:
    assert sum(share.has(check_id) for share in shares(of)) == 1


@pytest.mark.parametrize("of", [2, 3, 8])
def test_the_checks_of_a_process_are_spread_over_the_interval_as_those_of_all_are(of: int) -> None:
    counts = Counter(number for name in IDS for number in range(of) if Share(number, of).has(name))
    assert min(counts.values()) > len(IDS) / of / 2
    for share in shares(of):
        phases = [phase_us(name, SECOND_US) for name in IDS if share.has(name)]
        halves = Counter(phase < SECOND_US // 2 for phase in phases)
        assert min(halves.values()) > len(phases) / 4


def test_limits_are_those_of_all_processes_together() -> None:
    assert Share(1, 4).limit(2000) == 500
    assert Share(1, 4).limit(3) == 1
    assert Share(1, 4).limit(0) == 0, "no limit"


def test_a_process_that_is_alone_keeps_its_state_in_the_state_directory_itself(tmp_path: Path) -> None:
    assert Share(0, 1).home(tmp_path) == tmp_path
    homes = {share.home(tmp_path) for share in shares(3)}
    assert len(homes) == 3
    assert tmp_path not in homes


def test_what_another_number_of_processes_has_left_is_found(tmp_path: Path) -> None:
    for share in shares(4):
        share.home(tmp_path).mkdir()
    (tmp_path / "process-file").write_text("")
    assert all_homes(tmp_path) == [tmp_path, *(share.home(tmp_path) for share in shares(4))]
    assert other_homes(tmp_path, 1) == [share.home(tmp_path) for share in shares(4)]
    assert other_homes(tmp_path, 3) == [tmp_path, Share(3, 4).home(tmp_path)]


@pytest.mark.parametrize(("before", "now"), [(1, 3), (3, 1), (2, 4), (4, 2), (3, 5), (2, 2)])
def test_each_process_goes_on_where_the_former_one_of_each_of_its_checks_was(
    tmp_path: Path, before: int, now: int
) -> None:
    reached_us = {}
    for share in shares(before):
        watermark_us = (10 + share.number) * SECOND_US
        spans = {name: spans for name, spans in _spans().items() if before == 1 or share.has(name)}
        keep_past(StateDir(share.home(tmp_path)), HERE, Past(watermark_us, spans))
        reached_us.update(dict.fromkeys(spans, watermark_us))
    hand_over(StateDir(tmp_path), HERE, now)
    begins_us = {}
    for share in shares(now):
        past = _past(share.home(tmp_path))
        for name, [span] in (past.checks or {}).items():
            assert now == 1 or share.has(name)
            begins_us[name] = max(span.from_us, past.watermark_us)
    assert begins_us == reached_us
    for path in other_homes(tmp_path, now):
        assert read_past(StateDir(path), HERE) is None


def test_of_spans_that_have_ended_only_what_is_not_done_yet_is_handed_over() -> None:
    done, half = InForce(1, 0, 5), InForce(1, 5, 20)
    found = merged([Past(10, {"a": (done, half, InForce(2, 20))}), Past(3, {"b": (done,)}), Past(4, None)])
    assert found == Past(3, {"a": (InForce(1, 10, 20), InForce(2, 20)), "b": (InForce(1, 3, 5),)})
    assert merged([Past(7, None)]) == Past(7, None)
    assert merged([]) is None


def test_a_first_start_leaves_nothing_behind(tmp_path: Path) -> None:
    hand_over(StateDir(tmp_path), HERE, 3)
    assert list(tmp_path.iterdir()) == []


def test_another_location_has_a_past_of_its_own(tmp_path: Path) -> None:
    keep_past(StateDir(tmp_path), "elsewhere", Past(7, _spans()))
    hand_over(StateDir(tmp_path), HERE, 3)
    assert read_past(StateDir(tmp_path), "elsewhere") == Past(7, _spans())
    assert read_past(StateDir(Share(0, 3).home(tmp_path)), HERE) is None


class _Killed(Exception):
    """Stands for SIGKILL."""


def _killing_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step of this number, of those that write or delete, does not happen, and none after it."""
    left = [step]

    def stepping(act: Callable[..., None]) -> Callable[..., None]:
        def run(*args: object) -> None:
            if left[0] == 0:
                raise _Killed
            left[0] -= 1
            act(*args)

        return run

    monkeypatch.setattr(shares_module, "keep_past", stepping(keep_past))
    monkeypatch.setattr(shares_module, "forget_past", stepping(forget_past))


@pytest.mark.parametrize("step", range(7))
def test_killed_at_any_step_the_next_start_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    for share in shares(2):
        spans = {name: spans for name, spans in _spans(5).items() if share.has(name)}
        keep_past(StateDir(share.home(tmp_path)), HERE, Past(9, spans))
    with monkeypatch.context() as patched:
        _killing_at(step, patched)
        with pytest.raises(_Killed):
            hand_over(StateDir(tmp_path), HERE, 5)
    # Not even the same number of processes as before the kill.
    hand_over(StateDir(tmp_path), HERE, 1)
    assert _past(tmp_path) == Past(9, _spans(9))
    assert [path for path in other_homes(tmp_path, 1) if read_past(StateDir(path), HERE)] == []
