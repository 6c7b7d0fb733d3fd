"""`expect` as it reaches the check: exact values, levels, defaults, expected failures."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from apistatus.model.check import Check
from tests.unit.settings.readers import Compiled, home, load_text, mistakes_in


def _expected(check: Check) -> list[Any]:
    return [assertion.expected for assertion in check.assertions]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("5", 5), ("'5'", "5"), ("5.0", Decimal("5.0")), ("0.1", Decimal("0.1")), ("1e400", Decimal("1e400")),
        ("9007199254740993", 2**53 + 1), ("true", True), ("yes", "yes"), ("null", None), ("~", None),
        ("0x10", 16), ("[1, 2.5, a]", [1, Decimal("2.5"), "a"]), ("{a: [null]}", {"a": [None]}),
        ("'${N}'", "5"), ("['${N}', 5]", ["5", 5]), ("''", ""), ("22:30", "22:30"),
    ],
)  # fmt: skip
def test_a_value_to_compare_with_is_what_yaml_says_and_exact(
    tmp_path: Path, written: str, expected: object
) -> None:
    check = home(tmp_path, f"expect: {{json: [{{path: $.a, equals: {written}}}]}}", {"N": "5"})
    assert _expected(check) == [expected]
    assert type(_expected(check)[0]) is type(expected)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("5", 5), ("-1.50", Decimal("-1.50")), ("'${N}'", 5), ("1e3", Decimal("1e3"))],
)
def test_a_limit_is_a_number_also_out_of_a_variable(tmp_path: Path, written: str, expected: object) -> None:
    assert _expected(home(tmp_path, f"expect: {{total_ms: {{less_than: {written}}}}}", {"N": "5"})) == [
        expected
    ]


@pytest.mark.parametrize(
    "written", ["five", "'5'", "true", "null", ".inf", ".nan", "[5]", "'${N}'", "1e9999999999999999999"]
)
def test_what_is_no_number_is_no_limit(tmp_path: Path, written: str) -> None:
    text = f"readers: [{{name: A, url: http://a, expect: {{total_ms: {{less_than: {written}}}}}}}]"
    assert len(mistakes_in(tmp_path, text, {"N": "five"})) == 1


def test_assertions_come_in_one_order_with_subject_and_level(tmp_path: Path) -> None:
    check = home(
        tmp_path,
        "regex: r, expect: {json: [{path: $.b, exists: true, level: degraded}, {path: $.a, type: object}], "
        "total_ms: {less_than: 1}, value: {matches: v}, body: {contains: 5}, "
        "headers: {X-B: {exists: false}, X-A: {matches: a, level: degraded}}}",
    )
    assert [(one.subject, one.of, one.operator, one.level) for one in check.assertions] == [
        ("headers", "x-b", "exists", "down"),
        ("headers", "x-a", "matches", "degraded"),
        ("body", None, "contains", "down"),
        ("value", None, "matches", "down"),
        ("total_ms", None, "less_than", "down"),
        ("json", "$.b", "exists", "degraded"),
        ("json", "$.a", "type", "down"),
    ]
    assert check.assertions[1].expected == Compiled("a")
    assert (check.assertions[2].expected, check.assertions[2].written) == (5, "5")
    assert check.assertions[5].path == Compiled("$.b")
    assert check.reads_body


def test_without_an_assertion_on_it_the_body_is_not_read(tmp_path: Path) -> None:
    check = home(tmp_path, "header: x, expect: {headers: {x: {exists: true}}, total_ms: {less_than: 5}}")
    assert not check.reads_body
    assert check.value_header == "x"


def test_expectations_of_defaults_add_up_by_their_key(tmp_path: Path) -> None:
    text = """
defaults: {expect: {status: 404, total_ms: {less_than: 5}, json: [{path: $.a, exists: true}]}}
readers:
  - {name: A, url: http://a, expect: {total_ms: {less_than: 9}}}
  - {name: B, url: http://b, expect: {json: null, total_ms: null}}
"""
    a, b = load_text(tmp_path, text)
    assert _expected(a) == [9, True]
    assert (_expected(b), b.statuses) == ([], ((404, 404),))


def test_an_expected_failure_stands_above_defaults_and_below_what_the_check_says(tmp_path: Path) -> None:
    text = """
defaults: {expect: {status: 200, failure: dns}, %s}
readers:
  - {name: A, url: http://a}
  - {name: B, url: http://b, expect: {failure: [timeout, dns, timeout]}}
  - {name: C, url: http://c, expect: {total_ms: {less_than: 5}}}
  - {name: D, url: http://d, regex: b}
"""
    a, b, c, d = load_text(tmp_path, text % "sla_ms: 5")
    assert (a.failures, b.failures, c.failures, d.failures) == (("dns",), ("timeout", "dns"), (), ())
    assert a.assertions == ()
    assert _expected(c) == [5]


def test_certificate_days_are_14_unless_said_otherwise(tmp_path: Path) -> None:
    assert home(tmp_path, "sla_ms: 5").certificate_days == 14
    assert home(tmp_path, "certificate_days: 0").certificate_days == 0
    assert home(tmp_path, "certificate_days: null").certificate_days is None


def test_a_value_of_the_check_takes_the_place_of_that_of_defaults(tmp_path: Path) -> None:
    text = "defaults: {%s, changed: true}\nreaders: [{name: A, url: http://a, %s}]"
    (check,) = load_text(tmp_path, text % ("regex: a", "header: X-B"))
    assert (check.extractor, check.value_header, check.changed) == (None, "x-b", True)
    (check,) = load_text(tmp_path, text % ("header: x-b", "regex: a"))
    assert (check.extractor, check.value_header) == (Compiled("a"), None)


def test_secrets_in_what_is_expected_are_known(tmp_path: Path) -> None:
    check = home(
        tmp_path,
        "expect: {body: {contains: '${S}1', matches: '${S}2'}, "
        "json: [{path: $.a, one_of: [a, '${S}3', {b: '${S}4'}]}]}",
        {"S": "s3cret-"},
    )
    secrets = {secret for assertion in check.assertions for secret in assertion.secrets}
    assert secrets == {f"s3cret-{number}" for number in (1, 2, 3, 4)}
    assert "s3cret" not in repr(check)
    assert check.assertions[2].shown == '["a", "${S}3", {"b": "${S}4"}]'


def _equals(written: str) -> str:
    return f"readers: [{{name: A, url: http://a, expect: {{json: [{{path: $.a, equals: {written}}}]}}}}]"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[.inf]", "has no form in JSON"),
        ("{'${N}': 1}", "variables are replaced in values, not in keys"),
        (f"[{', '.join('0' * 100_001)}]", "holds more than 100000 values"),
    ],
)
def test_a_value_that_json_cannot_hold_is_a_mistake(tmp_path: Path, written: str, said: str) -> None:
    [mistake] = mistakes_in(tmp_path, _equals(written), {"N": "n"})
    assert said in mistake


def test_a_value_nested_through_aliases_is_a_mistake(tmp_path: Path) -> None:
    half = "[" * 60 + "1" + "]" * 60
    text = f"x-half: &half {half}\n{_equals('[' * 10 + '*half' + ']' * 10)}\n"
    [mistake] = mistakes_in(tmp_path, text)
    assert "nested more than 64 levels deep" in mistake


def test_every_choice_that_cannot_work_is_told(tmp_path: Path) -> None:
    text = "readers: [{name: A, url: http://a, expect: {headers: {x: {one_of: [null, ok, [1]]}}}}]"
    assert len(mistakes_in(tmp_path, text)) == 2


def test_a_long_value_is_shown_up_to_where_it_is_cut(tmp_path: Path) -> None:
    check = home(tmp_path, f"expect: {{json: [{{path: $.a, equals: [{', '.join(['12345'] * 200)}]}}]}}")
    [assertion] = check.assertions
    assert len(assertion.expected) == 200
    assert len(assertion.shown) <= 200
