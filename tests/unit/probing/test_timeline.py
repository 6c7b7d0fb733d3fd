"""Phases of an attempt, as they are measured."""

from __future__ import annotations

from apistatus.probing.timeline import Timeline


def test_a_phase_that_is_measured_again_adds_up_and_the_total_is_all_of_them() -> None:
    timeline = Timeline()
    for _ in range(2):
        timeline.measured("connect", 30_400)
        timeline.measured("processing", 100_000)
    timeline.measured("transfer", 0)
    assert timeline.took_us("connect") == 60
    assert timeline.took_us("processing") == 200
    assert timeline.took_us("transfer") == 0
    assert timeline.total_us() == 260


def test_a_phase_that_never_ended_has_no_duration() -> None:
    timeline = Timeline()
    timeline.phase = "connect"
    timeline.measured("connect", None)
    assert timeline.took_us("connect") is None
    assert timeline.took_us("tls") is None
    assert timeline.total_us() == 0
