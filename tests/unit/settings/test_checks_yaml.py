"""YAML 1.2 as read here: scalars, anchors, merges, bounds; and that rubbish ends in a mistake."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apistatus.errors import ConfigurationError, Problem
from apistatus.settings import yaml_tree
from apistatus.settings.yaml_tree import Mapping, Node, Scalar, Sequence, compose, value_of
from tests.unit.settings.readers import load_one, load_text, mistakes_in


def plain(node: Node | None) -> object:
    match node:
        case Scalar():
            return value_of(node)
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {name: plain(value) for name, (_, value) in node.entries.items()}
    return None


def read(text: str) -> object:
    root, mistakes = compose(text)
    assert mistakes == []
    return plain(root)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("null", None), ("~", None), ("", None), ("Null", None), ("true", True), ("FALSE", False),
        ("no", "no"), ("Yes", "Yes"), ("on", "on"),
        ("22:30", "22:30"), ("1_000", "1_000"), ("0777", 777), ("0o17", 15),
        ("0x1F", 31), ("-5", -5), ("+5", 5), ("1.10", 1.1), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0),
        ("-1.5E-3", -0.0015), (".inf", math.inf), ("-.INF", -math.inf), ("2026-11-25", "2026-11-25"),
        ("9" * 30, int("9" * 30)), ("9" * 5000, math.inf), ("'5'", "5"),
        ('"true"', "true"), ("!!str 5", "5"), ("! 5", "5"),
        ("|\n  a\n  b\n", "a\nb\n"), ("1e", "1e"), ("0x", "0x"), ("0b1", "0b1"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_mean_what_the_core_schema_says(written: str, value: object) -> None:
    assert read(f"a: {written}") == {"a": value}
    assert type(plain(compose(f"a: {written}")[0])["a"]) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(value_of(Scalar(".NaN", plain=True, line=1, column=1)))


def test_merge_keys_bring_what_is_not_there_and_the_first_of_several_wins() -> None:
    text = """
a: &a {x: 1, y: 1}
b: &b {y: 2, z: 2}
c: {<<: [*a, *b], x: 3}
d: {x: 4, <<: *a}
e: {"<<": 5}
f: {<<: *a, <<: *b}
"""
    tree = read(text)
    assert isinstance(tree, dict)
    assert tree["c"] == {"x": 3, "y": 1, "z": 2}
    assert tree["d"] == {"x": 4, "y": 1}
    assert tree["e"] == {"<<": 5}
    assert tree["f"] == {"x": 1, "y": 1, "z": 2}


def test_anchors_merge_into_checks(tmp_path: Path) -> None:
    text = """
x-base: &base {interval: 1m, labels: {a: b}}
readers:
  - {<<: *base, name: A, url: http://a}
  - {<<: *base, name: B, url: http://b, interval: 2m}
"""
    a, b = load_text(tmp_path, text)
    assert (a.interval_us, b.interval_us) == (60_000_000, 120_000_000)
    assert a.labels == b.labels == {"a": "b"}


def test_aliases_may_stand_for_scalars_lists_and_keys() -> None:
    assert read("a: &x k\nb: *x\nc: {*x : &l [1]}\nd: *l") == {"a": "k", "b": "k", "c": {"k": [1]}, "d": [1]}


def test_the_newest_anchor_of_a_name_counts() -> None:
    assert read("- &a 1\n- *a\n- &a 2\n- *a") == [1, 1, 2, 2]


def test_positions_count_characters_from_one() -> None:
    root, _ = compose("ä: 1\nö: [ü, x]")
    assert isinstance(root, Mapping)
    items = root.entries["ö"][1]
    assert isinstance(items, Sequence)
    assert (items.items[1].line, items.items[1].column) == (2, 8)
    assert (root.entries["ö"][0].line, root.entries["ö"][0].column) == (2, 1)


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_deep_nesting_ends_in_a_mistake(text: str) -> None:
    root, mistakes = compose(text)
    assert root is None
    assert len(mistakes) == 1


def test_aliases_within_the_bound_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_tree, "MAX_ALIASED_VALUES", 5)
    assert read("a: &a [1, 2]\nb: *a\nc: &s x\nd: [*s, *s]") is not None
    _, mistakes = compose("a: &a [1, 2]\nb: [*a, *a]")
    assert [(mistake.line, mistake.column, mistake.path) for mistake in mistakes] == [(2, 9, "b[1]")]


def test_a_syntax_mistake_does_not_hide_those_before_it(tmp_path: Path) -> None:
    said = mistakes_in(tmp_path, "a: 1\na: 2\nb: [\n")
    assert [line.split(" ")[0] for line in said] == ["readers.yml:2:1:", "readers.yml:4:1:"]


def test_extension_keys_are_left_alone(tmp_path: Path) -> None:
    assert load_one(tmp_path, "x-any: [thing, {}]\nreaders: [{name: A, url: http://a}]").name == "A"


_WORDS = st.sampled_from(
    [
        *("readers", "checks", "defaults", "include", "name", "url", "site", "endpoint", "expect", "tls"),
        *("labels", "json", "headers", "interval", "auth", "connectivity", "<<", "&a", "*a", "- ", ": "),
        *("\n", "\n  ", "{", "}", "[", "]", ",", "'", '"', "|", ">", "#", "!", "%", "?", "null", "5", "5s"),
        *("http://a", "${A}", "$${", "\t", "---", "...", "ü", "\0"),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(_WORDS, max_size=40))
def test_rubbish_ends_in_checks_or_in_mistakes_with_a_place(tmp_path: Path, words: list[str]) -> None:
    _is_answered(tmp_path, "".join(words))


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.sampled_from(["5s", "http://a", "2xx", "${A}"]),
)
_KEYS = st.sampled_from(
    [
        *("name", "url", "site", "endpoint", "interval", "timeout", "retries", "labels", "headers", "tls"),
        *("ca_file", "cert_file", "key_file", "expect", "status", "json", "body", "auth", "basic", "value"),
        *("equals", "length", "path", "id", "type", "regex", "method", "proxy", "connect_to", "json_path"),
    ]
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(check=_TREES, defaults=_TREES, top=st.sampled_from(["readers", "include", "connectivity", "checks"]))
def test_any_tree_ends_in_checks_or_in_mistakes_with_a_place(
    tmp_path: Path, check: object, defaults: object, top: str
) -> None:
    _is_answered(tmp_path, json.dumps({"defaults": defaults, top: [check]}))


def _is_answered(folder: Path, text: str) -> None:
    try:
        answer: tuple[object, ...] = load_text(folder, text, {"A": "b"})
    except ConfigurationError as error:
        answer = error.problems
    assert answer
    for problem in answer:
        if isinstance(problem, Problem):
            assert re.match(r".*/readers\.yml:[0-9]+:[0-9]+\Z", problem.where)
            assert problem.message
