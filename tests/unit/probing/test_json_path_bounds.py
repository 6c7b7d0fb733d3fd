"""What a body cannot make a JSONPath do."""

from __future__ import annotations

import pytest

from apistatus.probing import json_path_bounds
from apistatus.probing.body import ExtractFailed, Missing
from tests.unit.probing.expecting import expecting, found_in

BEYOND = "the JSONPath calculates with a number beyond all reckoning"
LONG = "7" * 5_000
"""More digits than Python converts to an integer."""
DEEP = b'{"a":' * 199 + b"1" + b"}" * 199


def _value(path: str, body: str | bytes) -> str:
    """The value, or why there is none."""
    found = found_in(expecting(f'json_path: "{path}"'), body.encode() if isinstance(body, str) else body)
    if found.failure is not None:
        return f"{type(found.failure).__name__}: {found.failure}"
    assert found.value is not None
    return found.value


@pytest.mark.parametrize(
    ("path", "body", "value"),
    [
        ("$.a + 1", '{"a": 2}', "3"),
        ("$.a - $.b", '{"a": 3, "b": 1.5}', "1.5"),
        ("$.a * 2", '{"a": 0.25}', "0.5"),
        ("$.a + $.b", '{"a": "x", "b": "y"}', "xy"),
        ("$.a + $.b", '{"a": [1], "b": [2]}', "[1,2]"),
        (f"$.a + {'9' * 400}", '{"a": 1}', "1" + "0" * 400),
    ],
)
def test_paths_calculate_with_numbers_and_put_texts_and_lists_together(
    path: str, body: str, value: str
) -> None:
    assert _value(path, body) == value


@pytest.mark.parametrize("path", ["$.a * $.b", "$.b * $.a", "$.a * 2", "$.a - 1", "$.a + 1", "1 + $.a"])
@pytest.mark.parametrize("a", ['"x"', "[1]", "{}", "null", "true", "false"])
def test_what_is_no_number_is_not_calculated_with(path: str, a: str) -> None:
    """A text is not repeated as often as the body says, and a truth is not 1."""
    assert _value(path, f'{{"a": {a}, "b": 1000}}') == f"Missing: {path} finds no elements, not exactly one"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("$.a * $.a", '{"a": %s}' % ("9" * 4_000)),
        ("$.a * 2", '{"a": 1e400}'),
        ("$.a - $.a", '{"a": 1e400}'),
        ("1 - $.a", '{"a": 1e400}'),
        ("$.a + 1", f'{{"a": {LONG}}}'),
        ("$.a * 0", f'{{"a": -{LONG}}}'),
        ("0 * $.a", f'{{"a": {LONG}}}'),
    ],
)
def test_a_number_that_cannot_be_calculated_with_is_a_failed_extraction(path: str, body: str) -> None:
    assert _value(path, body) == f"ExtractFailed: {BEYOND}"


def test_whatever_is_calculated_can_be_written() -> None:
    """Python writes integers of 4,300 digits."""
    body = '{"a": 1%s, "b": 1%s}'
    assert _value("$.a * $.b", body % ("0" * 3_999, "0" * 300)) == "1" + "0" * 3_998 + "…"
    assert _value("$.a * $.b", body % ("0" * 3_999, "0" * 301)) == f"ExtractFailed: {BEYOND}"


def test_the_largest_integer_that_is_calculated() -> None:
    body = f'{{"a": {2**13_000}, "b": {2**1_283}}}'
    assert _value("$.a * $.b", body) == str(2**14_283)[:3_999] + "…"
    assert _value("$.a * $.b * 2", body) == f"ExtractFailed: {BEYOND}"


@pytest.mark.parametrize(("length", "replaced"), [(20_000, True), (20_001, False)])
def test_a_substitution_does_not_grow_without_end(length: int, replaced: bool) -> None:
    value = _value(f"$.a.`sub(/x/, {'y' * 800})`", f'{{"a": "{"b" * (length - 1)}x"}}')
    assert value == (
        "b" * 3_999 + "…" if replaced else "ExtractFailed: the text is too long for the JSONPath's `sub`"
    )


@pytest.mark.parametrize(
    ("condition", "number", "kept"),
    [
        ("< 5", LONG, False), ("> 5", LONG, True), ("== 0", LONG, False),
        ("< 5", f"-{LONG}", True), ("> 5", f"-{LONG}", False), ("== 0", f"-{LONG}", False),
        ("< 5", "1e400", False), ("> 5", "1e400", True),
        ("> 5", "9" * 3_999, True), ("< 5", f"-{'9' * 3_999}", True), ("< 5", "-0", True),
    ],
)  # fmt: skip
def test_a_filter_knows_how_large_an_endless_number_is(condition: str, number: str, kept: bool) -> None:
    said = _value(f"$[?(@.n {condition})].b", f'[{{"n": {number}, "b": "kept"}}]')
    assert said == "kept" if kept else said.startswith("Missing: ")


@pytest.mark.parametrize("path", ["$..a..a..a..a", "$[?(@..a..a..a..b)]", "$..*..*..*"])
def test_descents_within_descents_have_an_end(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_path_bounds, "_DESCENT_LIMIT_S", 0.05)
    assert _value(path, DEEP) == "ExtractFailed: the JSONPath took more than 0.05 s on this body"


def test_every_search_has_all_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1_000.0
    monkeypatch.setattr(json_path_bounds.time, "thread_time", lambda: now_s)
    check = expecting("json_path: $..b")
    assert found_in(check, b'{"a": {"b": 1}}').value == "1"
    now_s += 10.0
    assert found_in(check, b'{"a": {"b": 2}}').value == "2"


def test_a_bounded_path_finds_what_it_found() -> None:
    body = '{"a": {"b": [{"c": 1}, {"c": 2, "d": "x"}]}, "e": 3}'
    assert _value("$..d", body) == "x"
    assert _value("$..b[1].c", body) == "2"
    assert _value("$..b..d", body) == "x"
    assert _value("$..[?(@.d == 'x')].c", body) == "2"
    assert issubclass(Missing, ExtractFailed)
    assert _value("$..nothing", body).startswith("Missing: ")
