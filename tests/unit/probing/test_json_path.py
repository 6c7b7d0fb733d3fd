"""`json_path`: plain paths, jsonpath-ng's paths, and that both mean the same."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonpath_ng.ext.parser import parse as parse_elsewhere

from apistatus.probing.body import ExtractFailed, Missing
from apistatus.probing.json_path import PlainPath, _first_line, compile_path, plain_steps

DOCUMENT: dict[str, Any] = {
    "a": {"b": [{"x": 1}, {"x": "two"}], "c-d": True, "": 0, "it's": 5},
    "über": {"鍵": "値"},
    "list": [10, 20, [30]],
    "null": None,
}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("$", DOCUMENT),
        ("$.a.b[0].x", 1),
        ("$.a.b[1]['x']", "two"),
        ('$["a"]["c-d"]', True),
        ("$.a.c-d", True),
        ("$.a['']", 0),
        (r"$.a['it\'s']", 5),
        ("$.über.鍵", "値"),
        ("$.list[-1][0]", 30),
        ("$.list[ 1 ]", 20),
        ("$.list[-3]", 10),
        ("  $.null ", None),
        ("$.list[2]", [30]),
    ],
)
def test_a_plain_path_finds_its_element(path: str, wanted: object) -> None:
    find = compile_path(path)
    assert isinstance(find, PlainPath)
    assert find(DOCUMENT) == wanted


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("$.a.b[?(@.x == 'two')].x", "two"),
        ("$..'鍵'", "値"),
        ("$.list[1:2]", 20),
        ("$.list.`len`", 3),
        ("a.b[0].x", 1),
        ("$.list[?(@ > 15)]", 20),
        ("$.a.'c-d'", True),
    ],
)
def test_other_paths_are_jsonpath_ngs(path: str, wanted: object) -> None:
    find = compile_path(path)
    assert not isinstance(find, PlainPath)
    assert find(DOCUMENT) == wanted


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("$.nothing", 'no "nothing" in the object at $'),
        ("$.a.b[7].x", "no [7] at $.a.b: the array has 2 elements"),
        ("$.a.b[-3]", "no [-3] at $.a.b: the array has 2 elements"),
        ("$.a.b.x", 'no "x" at $.a.b: it is an array, not an object'),
        ("$.a.b[0].x.y", 'no "y" at $.a.b[0].x: it is a number, not an object'),
        ("$.a.b[1].x[0]", "no [0] at $.a.b[1].x: it is a string, not an array"),
        ("$.list[-3].x", 'no "x" at $.list[-3]: it is a number, not an object'),
        ("$.list[3]", "no [3] at $.list: the array has 3 elements"),
        ("$.list[-4]", "no [-4] at $.list: the array has 3 elements"),
        ("$.null.x", 'no "x" at $.null: it is null, not an object'),
        ("$.a.c-d[0]", "no [0] at $.a.c-d: it is a boolean, not an array"),
        ("$[0]", "no [0] at $: it is an object, not an array"),
        ("$..x", "$..x finds 2 elements, not exactly one"),
        ("$..missing", "$..missing finds no elements, not exactly one"),
    ],
)
def test_what_is_not_there_once_is_told(path: str, says: str) -> None:
    with pytest.raises(ExtractFailed) as failed:
        compile_path(path)(DOCUMENT)
    assert str(failed.value) == says


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("", r"^an empty JSONPath finds nothing; \$ is the whole document$"),
        ("   ", "empty"),
        ("$.", "is not a JSONPath"),
        ("$.a[", "^is not a JSONPath: Parse error near the end of string!$"),
        ("$.a[--1]", "is not a JSONPath"),
        ("$.a b", "is not a JSONPath"),
        ("$.a.`nonsense(`", "is not a JSONPath"),
        ("$.`split(x`", r"^is not a JSONPath: split\(x is not valid$"),
        ("$.a[?(@.b =~ '(a')]", "has a regular expression that is not a regular expression"),
        ("$.a[?(@.b =~ 5)]", "^=~ takes a regular expression in quotes$"),
        ("$.a[?(@.b == 1 & @.c =~ '(?:foo){e}')]", "which is no quantifier"),
        ("$.a.`sub(/(a/, b)`", "is not a"),
        ("$" + ".a" * 500, "^is longer than 1000 characters$"),
    ],
)
def test_a_path_that_cannot_work_is_refused(path: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        compile_path(path)
    assert "\n" not in str(refused.value)


def test_a_path_of_a_thousand_characters_is_one() -> None:
    with pytest.raises(Missing):
        compile_path("$" + ".a" * 499 + "b")(DOCUMENT)


def test_a_function_that_does_not_fit_the_body_fails_the_extraction() -> None:
    with pytest.raises(ExtractFailed, match=r"^.* cannot be applied to this body: '<' not supported between"):
        compile_path("$.list.`sorted`")({"list": [1, "a"]})


def test_a_path_that_is_too_deep_for_the_stack_fails_the_extraction() -> None:
    path = "$..a" + ".b" * 480
    find = compile_path(path)

    def called_from(depth: int) -> object:
        return find(DOCUMENT) if depth == 0 else called_from(depth - 1)

    with pytest.raises(ExtractFailed, match=r"b is too deep for this body$"):
        called_from(sys.getrecursionlimit() * 6 // 10)


def test_what_jsonpath_ng_says_is_told_in_one_short_line() -> None:
    assert _first_line(ValueError(" first \n second")) == "first "
    assert _first_line(ValueError("x" * 300)) == "x" * 200
    assert _first_line(MemoryError()) == "MemoryError"


@pytest.mark.parametrize(
    "path", ["$.1", "$.*", "$..a", "$.a,b", "$[a]", "a", "$.a\u2003b", "$['a", "$[0,1]", "$[1:]"]
)
def test_what_is_not_plain_is_left_to_jsonpath_ng(path: str) -> None:
    assert plain_steps(path) is None


NAMES = st.sampled_from(["a", "b", "c-d", "_x", "a1", "it's", "", "a.b", 'q"', "back\\slash", "*"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
STEPS = st.lists(NAMES | st.integers(-3, 3), max_size=4)


def _written(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    escaped = step.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


@settings(deadline=None)
@given(DOCUMENTS, STEPS)
def test_a_plain_path_and_jsonpath_ng_agree(document: object, steps: list[str | int]) -> None:
    path = "$" + "".join(map(_written, steps))
    assert plain_steps(path) == tuple(steps)
    elsewhere = [found.value for found in parse_elsewhere(path).find(document)]
    try:
        ours = [compile_path(path)(document)]
    except ExtractFailed:
        ours = []
    assert json.dumps(ours) == json.dumps(elsewhere)


@settings(deadline=None)
@given(st.text(alphabet="$.ab[]'\"0-1*,:?@()`\\ ü~|&=<>", max_size=12))
def test_every_text_is_a_path_or_refused(text: str) -> None:
    with suppress(ValueError):  # refused
        find = compile_path(text)
        for document in (DOCUMENT, [1, 2], 3, None):
            with suppress(ExtractFailed):  # a path that does not fit the document
                find(document)
