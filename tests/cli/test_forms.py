"""The readers of the forms refuse what those they stand for would refuse."""

from __future__ import annotations

import pytest
import xmlschema

from tests.cli.forms import junit, nagios, prometheus

CASE = '<testcase name="a" classname="c" time="0.001"><system-out>up</system-out></testcase>'
REPORT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="x" tests="1" failures="0" errors="0" time="0.001">'
    '<testsuite name="c" tests="1" failures="0" errors="0" skipped="0" time="0.001" timestamp="2026-11-25T01:02:03">'
    f'<properties><property name="p" value=""/></properties>{CASE}</testsuite></testsuites>\n'
)


def test_a_report_that_all_take_is_read() -> None:
    assert junit.verdicts(junit.read(REPORT)) == {"a": "system-out"}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (' classname="c"', ""),
        ('time="0.001"><system-out', 'time="1e-3"><system-out'),
        ('time="0.001"><system-out', 'time="0,001"><system-out'),
        ("T01:02:03", "T01:02:03.5+00:00"),
        ('<property name="p" value=""/>', ""),
        ("<system-out>up</system-out>", '<failure message="m" type="a b">t</failure>'),
        ("<system-out>up</system-out>", '<skipped message="m" type="t">t</skipped>'),
        ("<system-out>up</system-out>", "<passed/>"),
        ("<system-out>up</system-out>", "<system-out>up</system-out><system-out>up</system-out>"),
        (' tests="1" failures="0" errors="0" skipped', ' tests="2" failures="0" errors="0" skipped'),
        (CASE, CASE + CASE),
        ("</testsuite>", '<properties><property name="p" value=""/></properties></testsuite>'),
    ],
)
def test_a_report_that_one_of_them_does_not_take_is_refused(good: str, bad: str) -> None:
    assert good in REPORT
    with pytest.raises((AssertionError, xmlschema.XMLSchemaValidationError)):
        junit.read(REPORT.replace(good, bad))


def test_a_plugin_s_line_is_taken_apart() -> None:
    line = nagios.read("APISTATUS OK - fine | 'it''s up'=0.5s;1;2;0 b=12B 'c'=U;;10;0;5\n")
    assert (line.state, line.text) == ("OK", "APISTATUS OK - fine")
    assert line.data == {
        "it's up": nagios.Datum("0.5", "s", "1", "2", "0", None),
        "b": nagios.Datum("12", "B", None, None, None, None),
        "c": nagios.Datum(None, None, None, "10", "0", "5"),
    }


@pytest.mark.parametrize(
    "line",
    ["APISTATUS FINE - a\n", "APISTATUS OK - a", "APISTATUS OK - a\nb\n", "APISTATUS OK - a | b=1 | c=2\n",
     "APISTATUS OK - a | b c=1\n", "APISTATUS OK - a | b=1e-5s\n", "APISTATUS OK - a | b=1sec\n",
     "APISTATUS OK - a | b=1,5s\n", "APISTATUS OK - a | b=1;x\n", "APISTATUS OK - a | b=1;2;3;4;5;6\n",
     "APISTATUS OK - a | b=1 b=2\n", "APISTATUS OK - a | 'b=c'=1\n", "APISTATUS OK - a | b=\n",
     "APISTATUS OK - \x1b[31m | b=1\n"],
)  # fmt: skip
def test_a_line_that_is_not_of_the_form_is_refused(line: str) -> None:
    with pytest.raises(AssertionError):
        nagios.read(line)


METRIC = "# HELP {0} What it is.\n# TYPE {0} gauge\n"


def test_a_metric_that_promtool_likes_is_read() -> None:
    text = METRIC.format("a_seconds") + 'a_seconds{x="\\"\\n"} 0.5\na_seconds{x="b"} 1e-05\n'
    assert [(sample.labels["x"], sample.value) for sample in prometheus.read(text)] == [
        ('"\n', 0.5),
        ("b", 1e-05),
    ]
    assert prometheus.read("") == []


@pytest.mark.parametrize(
    "text",
    [
        "a 1\n",
        "# TYPE a gauge\na 1\n",
        "# HELP a b\na 1\n",
        METRIC.format("a") + "a 1",
        METRIC.format("a") + "a 1\na 2\n",
        METRIC.format("a") + 'a{x="1"} 1\na{x="1"} 2\n',
        METRIC.format("a") + "a 1\n" + METRIC.format("a") + 'a{x="1"} 1\n',
        METRIC.format("a") + "a 1\n" + METRIC.format("c") + 'c 1\na{x="1"} 1\n',
        METRIC.format("a") + "b 1\n",
        METRIC.format("a") + "a 1 1700000000000\n",
        METRIC.format("a") + 'a{x="1"} one\n',
        METRIC.format("a") + 'a{x="\n"} 1\n',
        METRIC.format("a") + "a{x=1} 1\n",
        METRIC.format("a") + 'a{le="1"} 1\n',
        METRIC.format("a") + 'a{someThing="1"} 1\n',
        METRIC.format("a").replace("gauge", "counter") + "a 1\n",
        *(METRIC.format(name) + f"{name} 1\n" for name in (
            "a_milliseconds", "a_minutes", "a_days", "a_ms", "a_kilobytes", "a_total", "a_count", "a_bucket", "aThing",
            "a:b", "a_gauge",
        )),
    ],
)  # fmt: skip
def test_a_metric_that_promtool_complains_of_is_refused(text: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        prometheus.read(text)
