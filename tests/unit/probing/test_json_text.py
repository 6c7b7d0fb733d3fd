"""JSON bodies: strict in, exact out."""

from __future__ import annotations

import codecs
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apistatus.model.result import MAX_VALUE_CHARS
from apistatus.probing.body import ExtractFailed
from apistatus.probing.comparing import same
from apistatus.probing.extract import compile_json_path
from apistatus.probing.json_path import kind_of
from apistatus.probing.json_text import MAX_DEPTH, as_text, parse, shown, written


def _value(body: bytes | str, path: str = "$", charset: str | None = None) -> str:
    return compile_json_path(path)(body.encode() if isinstance(body, str) else body, charset)


@pytest.mark.parametrize(
    "number",
    ["0", "-0", "-0.0", "1.50", "9007199254740993", "-123456789012345678901234567890", "1e400", "1E-5",
     "0.1000000000000000055511151231257827021181583404541015625", "9" * 3_999],
)  # fmt: skip
def test_a_number_keeps_its_exact_text(number: str) -> None:
    assert _value(f'{{"n": {number}}}', "$.n") == number
    assert _value(f"[{number}, 1]") == f"[{number},1]"[:MAX_VALUE_CHARS] or len(number) > 3_990


def test_an_integer_that_python_refuses_to_convert_is_still_a_number() -> None:
    value = _value('{"n": ' + "7" * 5_000 + "}", "$.n")
    assert value == "7" * (MAX_VALUE_CHARS - 1) + "…"


@pytest.mark.parametrize(
    ("body", "path", "value"),
    [
        ('"text"', "$", "text"),
        ('{"a": true}', "$.a", "true"),
        ('{"a": false}', "$.a", "false"),
        ('{"a": null}', "$.a", "null"),
        (
            '{"a": {"b": [1, {"c": "d\\"e"}], "f": {}, "g": []}}',
            "$.a",
            '{"b":[1,{"c":"d\\"e"}],"f":{},"g":[]}',
        ),
        ('{"a": "\\u00fc\\ud83d\\ude00"}', "$.a", "ü😀"),
        ('{"a": "x\\u0000y\\ud800z"}', "$.a", "x\ufffdy\ufffdz"),
        ("[1, 2, 3]", "$.`len`", "3"),
        ("[1.5, 2]", "$[?(@ > 1.7)]", "2"),
        ("[1.50, 2]", "$[?(@ < 1.7)]", "1.50"),
    ],
)
def test_values_are_strings_as_they_are_and_everything_else_as_json(body: str, path: str, value: str) -> None:
    assert _value(body, path) == value


def test_a_long_value_is_cut_where_one_can_see_it() -> None:
    assert _value(json.dumps("x" * 4_000)) == "x" * 4_000
    cut = _value(json.dumps("x" * 4_001))
    assert cut == "x" * 3_999 + "…"
    assert len(_value(json.dumps(list(range(10_000))))) == 4_000


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body is empty, no JSON"),
        (b" \n ", "the body is empty, no JSON"),
        (b"<html>", "the body is not JSON: HTML or XML at line 1 column 1"),
        (
            b"{'a': 1}",
            "the body is not JSON: expecting property name enclosed in double quotes at line 1 column 2",
        ),
        (b'{"a": 1}\n{"a": 2}', "the body is not JSON: extra data at line 2 column 1"),
        (b'{"a": NaN}', "the body is not JSON: NaN is no JSON number"),
        (b"[-Infinity]", "the body is not JSON: -Infinity is no JSON number"),
        (b"\n <html>\n", "the body is not JSON: HTML or XML at line 2 column 2"),
        (b'{"a": 1, "b": 2, "a": 3}', 'the body is ambiguous: the key "a" is twice in one object'),
        (b'{"b": 1, "a": 2, "a": 3}', 'the body is ambiguous: the key "a" is twice in one object'),
        (b'[{"x": {"a": 1, "a": 1}}]', 'the body is ambiguous: the key "a" is twice in one object'),
        (b'{"a": "\xff"}', "the body is not utf-8 at byte 7, so not JSON"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "the body is nested deeper than 200 levels"),
        (
            b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
            "the body is nested deeper than 200 levels",
        ),
        (b'{"a":' * 100_000, "the body is nested deeper than 200 levels"),
        (b"[" * 1_000_000, "the body is nested deeper than 200 levels"),
        (b'{"a": 01}', "the body is not JSON: expecting ',' delimiter at line 1 column 8"),
        (b"tru", "the body is not JSON: expecting value at line 1 column 1"),
    ],
)
def test_what_is_not_one_json_text_is_refused_with_the_place(body: bytes, says: str) -> None:
    with pytest.raises(ExtractFailed) as failed:
        parse(body, None)
    assert str(failed.value) == says


def test_names_in_lines_are_cut_where_one_can_see_it() -> None:
    assert shown("x" * 60) == f'"{"x" * 60}"'
    assert shown("x" * 61) == f'"{"x" * 59}…"'
    assert shown('a"b') == '"a\\"b"'


def test_writing_stops_soon_after_what_is_shown() -> None:
    assert written([1] * 1_000, 10).startswith("[1,1,1,1,1")
    assert len(written([1] * 1_000, 10)) < 20
    assert written([1, {"a": None}], 100) == '[1,{"a":null}]'


def test_nesting_up_to_the_limit_and_any_breadth_is_read() -> None:
    assert _value("[" * MAX_DEPTH + "]" * MAX_DEPTH) == "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert _value("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH, "$" + "[0]" * MAX_DEPTH) == "1"
    assert _value(json.dumps([[]] * 1_000), "$.`len`") == "1000"


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ('{"a": "ü"}'.encode(), None),
        (codecs.BOM_UTF8 + '{"a": "ü"}'.encode(), None),
        (codecs.BOM_UTF8 + '{"a": "ü"}'.encode(), "latin-1"),
        ('{"a": "ü"}'.encode("utf-16"), None),
        ('{"a": "ü"}'.encode("utf-16-le"), None),
        ('{"a": "ü"}'.encode("utf-32"), "utf-8"),
        ('{"a": "ü"}'.encode("latin-1"), "ISO-8859-1"),
        ('{"a": "ü"}'.encode(), "no-such-charset"),
        ('{"a": "ü"}'.encode(), "zip"),
        ('{"a": "ü"}'.encode(), "punycode"),
        ('{"a": "ü"}'.encode(), "a\0b"),
    ],
)
def test_the_encoding_is_the_marks_then_the_headers_then_utf_8(body: bytes, charset: str | None) -> None:
    if charset == "zip":
        with pytest.raises(ExtractFailed, match="the body is not zlib, so not JSON"):
            _value(body, "$.a", charset)
    else:
        assert _value(body, "$.a", charset) == "ü"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@settings(deadline=None)
@given(JSON)
def test_what_is_written_reads_back_the_same(document: Any) -> None:
    text = as_text(parse(json.dumps(document).encode(), None))
    if not isinstance(document, str):
        assert json.loads(text) == document
        assert text == json.dumps(document, ensure_ascii=False, separators=(",", ":"))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_a_failed_extraction(body: bytes) -> None:
    with suppress(ExtractFailed):  # the one thing that may be raised
        assert _value(body).encode() is not None


@settings(deadline=None)
@given(JSON)
def test_numbers_that_nobody_calculates_with_are_the_same_numbers(document: Any) -> None:
    body = json.dumps(document).encode()
    exact, looked_up = parse(body, None), parse(body, None, numerals=True)
    assert as_text(looked_up) == as_text(exact)
    assert kind_of(looked_up) == kind_of(exact)
    assert same(looked_up, exact)
    assert not same(looked_up, [exact])
