"""The operators of `expect`: exact, strict about types, and closed where nothing is there.

Ideas from the conditions of Gatus (`[BODY].x == y`, `len()`, `has()`, `any()`) and the body and header
tests of blackbox_exporter's HTTP prober; the cases are ours.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.probing.expecting import asserted, of_element

HUGE = 2**53 + 1


@pytest.mark.parametrize(
    ("operator", "element", "outcome"),
    [
        ("equals: 5", "5", "held"),
        ("equals: 5", "5.0", "held"),
        ("equals: 5", "50e-1", "held"),
        ("equals: 5", '"5"', "failed"),
        ("equals: '5'", "5", "failed"),
        ("equals: '5.0'", "5.0", "failed"),
        ("one_of: ['5.0', '5']", "5.0", "failed"),
        ("equals: 1", "true", "failed"),
        ("equals: true", "1", "failed"),
        ("equals: true", "true", "held"),
        ("equals: 0", "false", "failed"),
        ("equals: 0", "null", "failed"),
        ("equals: null", "null", "held"),
        ("equals: null", "0", "failed"),
        ("equals: null", "false", "failed"),
        ("equals: false", "null", "failed"),
        ("equals: false", "true", "failed"),
        ("equals: {}", "null", "failed"),
        ("equals: [null]", "[false]", "failed"),
        ("equals: ''", '""', "held"),
        ("equals: ''", "null", "failed"),
        ("equals: 0", "-0", "held"),
        ("equals: 0", "-0.0", "held"),
        ("equals: 0.1", "0.10", "held"),
        ("equals: 0.3", "0.30000000000000004", "failed"),
        (f"equals: {HUGE}", f"{HUGE}", "held"),
        (f"equals: {HUGE}", f"{HUGE - 1}", "failed"),
        (f"equals: {HUGE}", f"{HUGE}.0", "held"),
        (f"equals: {HUGE - 1}", f"{HUGE}.0", "failed"),
        ("equals: 1e400", "1e400", "held"),
        ("equals: 1e400", "1e401", "failed"),
        (f"equals: {'9' * 4000}", "9" * 4000, "held"),
        (f"equals: {'9' * 4000}", "9" * 4001, "failed"),
        ("equals: [1, '2', null]", '[1.0, "2", null]', "held"),
        ("equals: [1, '2']", "[1, 2]", "failed"),
        ("equals: [1]", "[true]", "failed"),
        ("equals: {a: [1], b: x}", '{"b": "x", "a": [1]}', "held"),
        ("equals: {a: 1}", '{"a": 1, "b": 2}', "failed"),
        ("equals: [a]", '"a"', "failed"),
        ("equals: {}", "[]", "failed"),
        ("equals: grün", '"gr\\u00fcn"', "held"),
        ("not_equals: 5", "6", "held"),
        ("not_equals: 5", "5.0", "failed"),
        ("not_equals: 5", '"5"', "held"),
        ("less_than: 5", "4.999999999999999999999", "held"),
        ("less_than: 5", "5", "failed"),
        ("less_than: 5", "1e400", "failed"),
        ("less_than: 5", "-1e400", "held"),
        ("less_than: 5", "1e-400", "held"),
        ("less_than: 5", f"1{'0' * 5000}", "failed"),
        ("less_than: 5", '"4"', "error"),
        ("less_than: 5", "null", "error"),
        ("less_than: 5", "true", "error"),
        ("less_than: 5", "[1]", "error"),
        ("less_than: 5", "{}", "error"),
        ("less_than: 5", "1e99999999999999999999999", "error"),
        ("greater_than: 0", "1e-99999999999999999999999", "error"),
        ("at_most: 5", "5", "held"),
        ("at_most: 5", "5.0000000000000000001", "failed"),
        ("greater_than: 5", "5", "failed"),
        ("greater_than: 5", "6", "held"),
        ("at_least: 5", "5", "held"),
        ("at_least: 5", "4", "failed"),
        ("one_of: [1, a, null]", "1.0", "held"),
        ("one_of: [1, a, null]", '"a"', "held"),
        ("one_of: [1, a, null]", "null", "held"),
        ("one_of: [1, a, null]", '"1"', "failed"),
        ("one_of: [[1], {a: b}]", '{"a": "b"}', "held"),
        ("contains: b", '"abc"', "held"),
        ("contains: x", '"abc"', "failed"),
        ("contains: 5", '"a5"', "error"),
        ("contains: 5", "[4, 5.0]", "held"),
        ("contains: 5", '["5"]', "failed"),
        ("contains: {a: 1}", '[{"a": 1}]', "held"),
        ("contains: a", '{"a": 1}', "error"),
        ("contains: 5", "55", "error"),
        ("not_contains: x", '"abc"', "held"),
        ("not_contains: b", '"abc"', "failed"),
        ("not_contains: x", "5", "error"),
        ("not_contains: x", "null", "error"),
        ("matches: ^a.c$", '"abc"', "held"),
        ("matches: ^b", '"abc"', "failed"),
        ("matches: (x)?abc", '"abc"', "held"),
        ("matches: '5'", "5", "error"),
        ("not_matches: ^b", '"abc"', "held"),
        ("not_matches: b", '"abc"', "failed"),
        ("not_matches: x", "null", "error"),
        ("exists: true", "null", "held"),
        ("exists: true", "0", "held"),
        ("exists: false", "null", "failed"),
        ("type: string", '""', "held"),
        ("type: string", "5", "failed"),
        ("type: number", "5.5", "held"),
        ("type: number", "true", "failed"),
        ("type: integer", "5", "held"),
        ("type: integer", "5.0", "held"),
        ("type: integer", "1e400", "held"),
        ("type: integer", "5.5", "failed"),
        ("type: integer", "true", "failed"),
        ("type: integer", '"5"', "failed"),
        ("type: boolean", "false", "held"),
        ("type: boolean", "0", "failed"),
        ("type: 'null'", "null", "held"),
        ("type: 'null'", "[]", "failed"),
        ("type: array", "[]", "held"),
        ("type: array", "{}", "failed"),
        ("type: object", "{}", "held"),
        ("type: object", "[]", "failed"),
        ("length: {equals: 3}", '"abc"', "held"),
        ("length: {equals: 1}", '"\\ud83d\\ude00"', "held"),
        ("length: {at_least: 1}", "[]", "failed"),
        ("length: {equals: 2}", "[1, 2]", "held"),
        ("length: {equals: 1}", '{"a": 1}', "held"),
        ("length: {one_of: [1, 3]}", "[1, 2, 3]", "held"),
        ("length: {less_than: 100}", "5", "error"),
        ("length: {less_than: 100}", "null", "error"),
    ],
)
def test_an_operator_on_an_element(operator: str, element: str, outcome: str) -> None:
    assert of_element(operator, element) == outcome


OPERATORS = [
    "equals: 0", "equals: null", "equals: ''", "not_equals: 5", "less_than: 5", "at_most: 5",
    "greater_than: -5", "at_least: -5", "one_of: [0, null]", "contains: ''", "not_contains: x",
    "matches: .*", "not_matches: x", "exists: true", "type: 'null'", "length: {less_than: 9}",
    "length: {equals: 0}",
]  # fmt: skip


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize(
    "body", [b"{}", b'{"b": 1}', b"[]", b"5", b"null", b'"a"', b'{"a": {}}', b'{"a": null}', b'{"a": []}']
)
def test_a_missing_element_fails_every_operator(operator: str, body: bytes) -> None:
    one = asserted(f"json: [{{path: $.a.b, {operator}}}]", body)
    assert one.outcome == "failed"
    assert one.seen.startswith("nothing: no ")


@pytest.mark.parametrize("body", [b"{}", b"5", b"null", b'{"a": []}'])
def test_a_missing_element_is_what_exists_false_wants(body: bytes) -> None:
    assert asserted("json: [{path: $.a.b, exists: false}]", body).outcome == "held"


@pytest.mark.parametrize("operator", [*OPERATORS, "exists: false"])
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"a": NaN}', b'{"a": 1, "a": 2}', b'{"a": 1', b"[" * 100_000, b"\xff"]
)
def test_of_what_is_no_json_nothing_can_be_said(operator: str, body: bytes) -> None:
    assert asserted(f"json: [{{path: $.a, {operator}}}]", body).outcome == "error"


@pytest.mark.parametrize(
    ("operator", "outcome"),
    [("equals: 1", "error"), ("not_equals: 1", "error"), ("exists: true", "held"), ("exists: false", "failed"),
     ("length: {equals: 2}", "error")],
)  # fmt: skip
def test_of_several_elements_only_that_there_are_some_can_be_said(operator: str, outcome: str) -> None:
    assert asserted(f"json: [{{path: '$..a', {operator}}}]", b'[{"a": 1}, {"a": 2}]').outcome == outcome


@settings(deadline=None)
@given(st.integers(), st.integers())
def test_integers_of_any_size_have_their_order(seen: int, limit: int) -> None:
    held = {True: "held", False: "failed"}
    assert of_element(f"less_than: {limit}", str(seen)) == held[seen < limit]
    assert of_element(f"equals: {limit}", f"{seen}.0") == held[seen == limit]
