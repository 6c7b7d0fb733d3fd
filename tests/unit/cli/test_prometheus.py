"""Prometheus' text format, parsed back by its own client."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from apistatus.cli.outputs import prometheus
from apistatus.cli.outputs.verdict import Answer
from tests.cli.forms import prometheus as form
from tests.fakes.messages import result
from tests.unit.cli.rounds import ALL, DEGRADED, DOWN, INCONCLUSIVE, MISSED, REFUSED, UGLY, UP, answer

Samples = dict[tuple[str, str, str], float]


def read(asked: Answer) -> Samples:
    """(name without prefix, check, extra labels) -> value; fails where the text is not of the form."""
    found: Samples = {}
    for sample in form.read(prometheus.render(asked).encode("utf-8", "replace").decode()):
        assert sample.name.startswith("apistatus_check_")
        assert {"check", "name", "group", "location"} <= sample.labels.keys()
        assert not any("://" in value for value in sample.labels.values())
        extra = ",".join(
            value for key, value in sample.labels.items() if key not in ("check", "name", "group", "location")
        )
        found[sample.name.removeprefix("apistatus_check_"), sample.labels["check"], extra] = sample.value
    return found


def test_up_and_down_are_numbers_and_no_verdict_is_absent() -> None:
    samples = read(answer(*ALL))
    up = {check: value for (name, check, _), value in samples.items() if name == "up"}
    assert up == {"shop": 1, "page": 1, "pay": 0, "gone": 0, "ugly": 0}
    for asked in ALL:
        told = [samples["status", asked.check, status] for status in ("up", "degraded", "down")]
        told += [samples["status", asked.check, status] for status in ("missed", "inconclusive")]
        assert sum(told) == samples["status", asked.check, asked.status] == 1


def test_units_are_seconds_and_bytes() -> None:
    samples = read(answer(UP))
    assert samples["duration_seconds", "shop", ""] == 0.0381
    assert samples["phase_duration_seconds", "shop", "connect"] == 0.0045
    assert samples["sla_seconds", "shop", ""] == 0.5
    assert samples["response_size_bytes", "shop", ""] == 512
    assert samples["certificate_expiry_timestamp_seconds", "shop", ""] == 1_900_000_000
    assert samples["start_timestamp_seconds", "shop", ""] == 1_800_000_000
    assert samples["http_status_code", "shop", ""] == 200
    assert samples["value", "shop", ""] == 42


def test_a_failure_is_told_with_kind_and_phase() -> None:
    samples = read(answer(DOWN, REFUSED, INCONCLUSIVE))
    assert samples["failure", "pay", "status,processing"] == 1
    assert samples["failure", "gone", "connect_refused,connect"] == 1
    assert ("duration_seconds", "gone", "") not in samples


def test_a_value_that_is_no_number_is_left_out() -> None:
    values = ["up", "0x10", "NaN", "1_000", " 1", "1e400", "-0.5e3"]
    samples = read(answer(*(result(n, f"c{n}", value=value) for n, value in enumerate(values))))
    assert [value for (name, _, _), value in samples.items() if name == "value"] == [-500]


def test_labels_are_escaped_and_survive() -> None:
    text = prometheus.render(answer(UGLY)).encode("utf-8", "replace").decode()
    [up] = [family for family in text_string_to_metric_families(text) if family.name == "apistatus_check_up"]
    assert up.samples[0].labels["name"] == UGLY.name.encode("utf-8", "replace").decode()


def test_a_check_made_from_a_url_is_named_by_its_id() -> None:
    samples = read(answer(result(0, "http-a-b", name="http://a/b?token=x")))
    assert samples["up", "http-a-b", ""] == 1


def test_names_are_these_because_people_write_alerts_on_them() -> None:
    names = {name for name, _, _ in read(answer(*ALL))}
    assert names == {
        "up", "status", "failure", "duration_seconds", "phase_duration_seconds", "sla_seconds",
        "response_size_bytes", "http_status_code", "attempts", "redirects", "value",
        "certificate_expiry_timestamp_seconds", "start_timestamp_seconds",
    }  # fmt: skip


def test_quiet_leaves_out_what_is_well() -> None:
    assert read(answer(UP, DEGRADED, quiet=True)) == {}
    assert {check for _, check, _ in read(answer(UP, MISSED, quiet=True))} == {"late"}
