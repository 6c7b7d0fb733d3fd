"""What an operator sees of the references: counters, and few lines."""

from __future__ import annotations

from typing import Any

import pytest

from apistatus.runtime.metrics import Metrics
from apistatus.wiring.connectivity import Reports


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    return [(record.getMessage(), vars(record)["fields"]) for record in caplog.records]


def counted(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_askings_and_excused_results_are_counted() -> None:
    metrics = Metrics()
    reports = Reports(metrics)
    for ended in ("answered", "failed", "failed", "denied"):
        reports.asked(ended, "it refused the connection")  # one of the three
    reports.excused()
    name = "apistatus_connectivity_asked_total"
    assert [counted(metrics, name, outcome=of) for of in ("answered", "failed", "denied")] == [1, 2, 1]
    assert counted(metrics, "apistatus_connectivity_inconclusive_total") == 1


def test_silence_is_said_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    reports = Reports(Metrics())
    reports.asked("answered", "")
    for _ in range(3):
        reports.asked("failed", "192.0.2.1:80 refused the connection")
    reports.asked("answered", "")
    reports.asked("answered", "")
    (lost, fields), (back, _) = lines(caplog)
    assert (lost, back) == ("connectivity.lost", "connectivity.back")
    assert fields["said"] == "192.0.2.1:80 refused the connection"


def test_a_network_that_comes_and_goes_is_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    reports = Reports(Metrics())
    for _ in range(10):
        reports.asked("failed", "no answer within 2 s")
        reports.asked("answered", "")
    assert [event for event, _ in lines(caplog)] == ["connectivity.lost", "connectivity.back"]


def test_references_that_can_never_be_asked_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    reports = Reports(Metrics())
    for _ in range(3):
        reports.asked("denied", "192.0.2.1 is in 192.0.2.0/24")
    [(event, fields)] = lines(caplog)
    assert event == "connectivity.denied"
    assert fields["said"] == "192.0.2.1 is in 192.0.2.0/24"
