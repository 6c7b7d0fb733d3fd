"""When each check is due."""

from __future__ import annotations

from dataclasses import dataclass

from apistatus.model.identity import phase_us, tick_at_or_after
from apistatus.produce.schedule import Schedule
from tests.fakes.clock import NOW_US
from tests.fakes.messages import check

S = 1_000_000


@dataclass
class Compiled:
    """An extractor, as far as the schedule looks at it."""

    source: str

    def __call__(self, body: bytes, charset: str | None) -> str:
        return self.source


@dataclass
class OtherCompiled(Compiled):
    pass


def first_tick(check_id: str = "home", interval_us: int = S, after_us: int = NOW_US) -> int:
    return tick_at_or_after(after_us + 1, phase_us(check_id, interval_us), interval_us)


def schedule_of(*checks: str, interval_s: float = 1.0) -> Schedule:
    schedule = Schedule()
    schedule.replace([check(name, interval_s) for name in checks], NOW_US)
    return schedule


def started(schedule: Schedule) -> list[tuple[str, int]]:
    found = []
    while (due := schedule.start()) is not None:
        found.append((due[0].id, due[1]))
    return found


def test_a_check_is_due_at_the_ticks_of_its_phase_and_not_before() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    assert schedule.next_us == tick_us
    assert schedule.advance(tick_us - 1) == []
    assert schedule.start() is None
    schedule.advance(tick_us)
    assert started(schedule) == [("home", tick_us)]
    assert schedule.next_us == tick_us + S


def test_checks_start_in_the_order_of_their_ticks() -> None:
    names = [f"check-{n}" for n in range(50)]
    schedule = schedule_of(*names)
    schedule.advance(NOW_US + S)
    order = started(schedule)
    assert [tick_us for _name, tick_us in order] == sorted(first_tick(name) for name in names)


def test_ten_thousand_checks_are_spread_evenly_over_their_interval() -> None:
    schedule = schedule_of(*(f"check-{n}" for n in range(10_000)), interval_s=60)
    per_second = []
    for second in range(60):
        schedule.advance(NOW_US + (second + 1) * S)
        per_second.append(len(started(schedule)))
    assert sum(per_second) == 10_000
    # 167 a second on average; six standard deviations of a fair hash around it.
    assert min(per_second) > 90
    assert max(per_second) < 245


def test_moves_at_most_so_many_ticks_at_once() -> None:
    schedule = schedule_of("a", "b", "c")
    schedule.advance(NOW_US + S, limit=2)
    assert len(started(schedule)) == 2
    schedule.advance(NOW_US + S, limit=2)
    assert len(started(schedule)) == 1


def test_a_check_does_not_start_while_it_is_under_way_and_starts_late_afterwards() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    schedule.advance(tick_us)
    started(schedule)
    assert schedule.advance(tick_us + S) == []
    assert schedule.start() is None
    schedule.ended("home")
    assert started(schedule) == [("home", tick_us + S)]


def test_a_tick_is_missed_when_the_check_is_still_under_way_at_the_next_one() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    schedule.advance(tick_us)
    started(schedule)
    schedule.advance(tick_us + S)
    [missed] = schedule.advance(tick_us + 2 * S)
    assert (missed.check.id, missed.tick_us) == ("home", tick_us + S)
    assert "still under way" in missed.reason


def test_a_tick_is_missed_when_nothing_started_it_before_the_next_one() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    schedule.advance(tick_us)
    [missed] = schedule.advance(tick_us + S)
    assert missed.tick_us == tick_us
    assert "too many checks" in missed.reason
    assert started(schedule) == [("home", tick_us + S)]


def test_ticks_that_passed_while_the_process_did_not_run_are_missed_but_for_the_last() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    missed = schedule.advance(tick_us + 5 * S)
    assert [one.tick_us for one in missed] == [tick_us + n * S for n in range(5)]
    assert "could not run in time" in missed[0].reason
    assert started(schedule) == [("home", tick_us + 5 * S)]


def test_ticks_that_the_clock_skipped_are_missed_and_never_started() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    schedule.skip_until(tick_us + 5 * S)
    missed = schedule.advance(tick_us + 5 * S)
    assert [one.tick_us for one in missed] == [tick_us + n * S for n in range(6)]
    assert {one.reason for one in missed} == {"the clock was set forward, or the machine slept"}
    assert schedule.start() is None
    schedule.advance(tick_us + 6 * S)
    assert started(schedule) == [("home", tick_us + 6 * S)]


def test_a_due_tick_gives_way_when_the_clock_skips_the_next_one() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    schedule.advance(tick_us)
    schedule.skip_until(tick_us + S)
    assert [one.tick_us for one in schedule.advance(tick_us + S)] == [tick_us, tick_us + S]
    schedule.advance(tick_us + 2 * S)
    assert started(schedule) == [("home", tick_us + 2 * S)]
    schedule.ended("home")
    schedule.advance(tick_us + 3 * S)
    assert started(schedule) == [("home", tick_us + 3 * S)]


def test_a_leap_leaves_out_everything_up_to_now() -> None:
    schedule = schedule_of("home", "api")
    tick_us = first_tick()
    schedule.advance(tick_us)
    later_us = NOW_US + 9000 * S
    spans = {span.check.id: span for span in schedule.leap(later_us)}
    assert spans["home"].from_us == tick_us
    assert spans["home"].until_us == first_tick(after_us=later_us) == tick_us + 9000 * S
    assert spans["api"].until_us == first_tick("api", after_us=later_us)
    assert schedule.start() is None
    assert schedule.next_us == min(span.until_us for span in spans.values())


def test_closing_misses_what_is_due_and_starts_nothing_more() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    schedule.advance(tick_us)
    [missed] = schedule.close("stopped")
    assert (missed.tick_us, missed.reason) == (tick_us, "stopped")
    assert schedule.start() is None
    assert schedule.next_us is None
    assert len(schedule) == 0


def test_an_unchanged_check_keeps_its_ticks_and_a_due_one_over_a_reload() -> None:
    schedule = schedule_of("home", "api")
    tick_us = first_tick()
    schedule.advance(tick_us)
    change = schedule.replace([check("home"), check("api")], tick_us)
    assert (change.added, change.changed, change.removed, change.unchanged) == ((), (), (), 2)
    assert ("home", tick_us) in started(schedule)


def test_a_changed_check_with_its_old_interval_starts_its_due_tick_as_what_it_is_now() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    schedule.advance(tick_us)
    changed = check("home", sla_ms=100)
    change = schedule.replace([changed], tick_us)
    assert (change.changed, change.from_us, change.missed) == ((changed,), tick_us + 1, ())
    assert schedule.start() == (changed, tick_us)
    assert schedule.next_us == tick_us + S


def test_a_new_interval_brings_new_ticks_and_keeps_the_due_one() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    schedule.advance(tick_us)
    slower = check("home", 60)
    assert schedule.replace([slower], tick_us).changed == (slower,)
    assert schedule.start() == (slower, tick_us)
    assert schedule.next_us == first_tick("home", 60 * S, tick_us)


def test_a_removed_check_has_no_more_ticks_and_one_that_was_due_is_missed() -> None:
    schedule = schedule_of("home", "api")
    tick_us = first_tick()
    schedule.advance(tick_us)
    change = schedule.replace([check("api")], tick_us)
    assert (change.removed, change.from_us) == ((check("home"),), tick_us + 1)
    assert [(one.check.id, one.tick_us) for one in change.missed] == [("home", tick_us)]
    assert all(name == "api" for name, _tick in started(schedule))


def test_a_check_that_comes_back_while_its_old_probe_is_under_way_waits_for_it() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    schedule.advance(tick_us)
    started(schedule)
    schedule.replace([], tick_us)
    schedule.replace([check("home")], tick_us)
    schedule.advance(tick_us + S)
    assert schedule.start() is None
    schedule.ended("home")
    assert started(schedule) == [("home", tick_us + S)]


def test_the_end_of_a_removed_check_is_no_news() -> None:
    schedule = schedule_of("home")
    tick_us = first_tick()
    schedule.advance(tick_us)
    started(schedule)
    schedule.replace([], tick_us)
    schedule.ended("home")
    assert schedule.start() is None


def test_two_extractors_of_one_source_are_the_same_and_of_two_are_not() -> None:
    def unchanged(old: object, new: object) -> bool:
        schedule = Schedule()
        schedule.replace([check("home", extractor=old)], NOW_US)
        return schedule.replace([check("home", extractor=new)], NOW_US).unchanged == 1

    assert unchanged(Compiled("$.a"), Compiled("$.a"))
    assert not unchanged(Compiled("$.a"), Compiled("$.b"))
    assert not unchanged(Compiled("$.a"), OtherCompiled("$.a"))
    assert not unchanged(Compiled("$.a"), None)
