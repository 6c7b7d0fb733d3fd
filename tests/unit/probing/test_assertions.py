"""What assertions speak of, what they say, and what a value that is missing means."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from apistatus.probing.answer import RawHeaders, TookTooLong
from apistatus.probing.assertions import in_words
from apistatus.probing.body import ExtractFailed
from tests.unit.probing.expecting import asserted, expecting, found_in

DAY_US = 86_400_000_000


@pytest.mark.parametrize(
    ("operator", "outcome"),
    [
        ("equals: application/json", "held"),
        ("contains: json", "held"),
        ("matches: ^app", "held"),
        ("not_matches: html", "held"),
        ("exists: true", "held"),
        ("exists: false", "failed"),
        ("type: string", "held"),
        ("less_than: 5", "error"),
    ],
)
def test_a_header_is_text(operator: str, outcome: str) -> None:
    check = expecting(f"expect: {{headers: {{Content-Type: {{{operator}}}}}}}")
    (one,) = found_in(check, headers={"content-type": "application/json"}).asserted
    assert (one.outcome, one.assertion) == (outcome, "header content-type")


@pytest.mark.parametrize(
    ("operator", "outcome"),
    [
        ("equals: 5", "held"), ("equals: '5'", "held"), ("equals: 5.0", "held"), ("equals: '5.0'", "failed"),
        ("less_than: 6", "held"), ("at_least: 6", "failed"), ("one_of: [4, 5]", "held"), ("contains: 5", "held"),
        ("not_equals: 5", "failed"), ("not_equals: true", "held"), ("type: integer", "failed"),
    ],
)  # fmt: skip
def test_a_text_without_a_type_is_the_number_that_is_written_in_it(operator: str, outcome: str) -> None:
    check = expecting(f"expect: {{headers: {{x: {{{operator}}}}}}}")
    assert found_in(check, headers={"x": "5"}).asserted[0].outcome == outcome
    check = expecting(f"regex: n=(.*), expect: {{value: {{{operator}}}}}")
    assert found_in(check, b"n=5").asserted[0].outcome == outcome


@pytest.mark.parametrize(
    "text", ["", " 5", "5 ", "05", "+5", "5.", "0x5", "5,0", "five", "NaN", "inf", "\u0665", "1_0"]
)
def test_what_is_no_number_in_json_is_none_in_a_header(text: str) -> None:
    check = expecting("expect: {headers: {x: {at_most: 99}}}")
    assert found_in(check, headers={"x": text}).asserted[0].outcome == "error"


@pytest.mark.parametrize("operator", ["contains: ''", "not_contains: x", "not_equals: 5", "exists: true"])
def test_a_missing_header_fails_every_operator(operator: str) -> None:
    (one,) = found_in(expecting(f"expect: {{headers: {{x: {{{operator}}}}}}}")).asserted
    assert (one.outcome, one.seen) == ("failed", "nothing: no header x in the response")
    assert found_in(expecting("expect: {headers: {x: {exists: false}}}")).asserted[0].outcome == "held"


def test_the_body_is_text_in_whatever_encoding() -> None:
    page = '<meta charset="iso-8859-1"><p>grün</p>'.encode("latin-1")
    for body in ("grün".encode(), "grün".encode("utf-16"), b"gr\xfcn", page, b"\xef\xbb\xbfgr\xc3\xbcn"):
        assert asserted("body: {contains: grün}", body).outcome == "held", body
    assert asserted("body: {equals: ''}", b"").outcome == "held"
    assert asserted("body: {contains: 200}", b"code 200").outcome == "held"
    assert asserted("body: {length: {equals: 4}}", "grün".encode()).outcome == "held"


def test_the_value_of_a_json_path_keeps_its_type() -> None:
    for operator, outcome in (("at_least: 1", "held"), ("equals: '5'", "failed"), ("type: integer", "held")):
        assert asserted(f"value: {{{operator}}}", b'{"a": 5}', "json_path: $.a").outcome == outcome
    for operator, outcome in (("at_least: 1", "error"), ("equals: '5'", "held"), ("equals: 5", "failed")):
        assert asserted(f"value: {{{operator}}}", b'{"a": "5"}', "json_path: $.a").outcome == outcome


@pytest.mark.parametrize(
    ("keys", "body", "headers"),
    [("json_path: $.a", b"{}", {}), ("regex: a", b"", {}), ("header: x", b"", {}),
     ("json_path: '$..a'", b"{}", {})],
)  # fmt: skip
def test_a_missing_value_is_a_failed_extraction_unless_the_check_says_otherwise(
    keys: str, body: bytes, headers: Mapping[str, str]
) -> None:
    found = found_in(expecting(f"{keys}, expect: {{value: {{not_equals: 5}}}}"), body, headers)
    assert isinstance(found.failure, ExtractFailed)
    (one,) = found.asserted
    assert (one.assertion, one.outcome, one.seen) == ("value", "failed", f"nothing: {found.failure}")
    found = found_in(expecting(f"{keys}, expect: {{value: {{exists: false}}}}"), body, headers)
    assert found.failure is None
    assert found.asserted[0].outcome == "held"


@pytest.mark.parametrize(
    "expect",
    [
        "value: {equals: 0}",
        "value: {exists: true}",
        "headers: {x: {exists: false}}",
        "body: {not_equals: ''}",
    ],
)
def test_nothing_else_excuses_a_missing_value(expect: str) -> None:
    found = found_in(expecting(f"json_path: $.a, expect: {{{expect}}}"), b"{}")
    assert isinstance(found.failure, ExtractFailed)


def test_exists_false_does_not_excuse_what_is_no_json() -> None:
    found = found_in(expecting("json_path: $.a, expect: {value: {exists: false}}"), b"<html>")
    assert "HTML or XML" in str(found.failure)
    assert found.asserted[0].outcome == "error"


def test_a_header_is_the_value() -> None:
    found = found_in(expecting("header: X-Version"), headers={"x-version": "1.2"})
    assert (found.value, found.failure) == ("1.2", None)


def test_milliseconds_are_exact() -> None:
    for total_us, outcome in ((799_999, "held"), (800_000, "failed")):
        check = expecting("expect: {total_ms: {less_than: 800}}")
        (one,) = found_in(check, total_us=total_us).asserted
        assert (one.outcome, one.seen) == (outcome, f"{total_us // 1000}.{total_us % 1000:03}")


def test_certificate_days_are_the_days_that_are_left() -> None:
    check = expecting("expect: {certificate_days: {at_least: 7}}")
    for left_us, outcome in ((7 * DAY_US, "held"), (7 * DAY_US - 1, "failed"), (-DAY_US, "failed")):
        assert found_in(check, certificate_left_us=left_us).asserted[0].outcome == outcome
    assert found_in(check, certificate_left_us=10 * DAY_US // 3).asserted[0].seen == "3.33"
    (one,) = found_in(check).asserted
    assert (one.outcome, one.seen) == ("failed", "nothing: no certificate was served")


def test_every_operator_is_an_assertion_of_its_own_with_its_level() -> None:
    check = expecting(
        "expect: {json: [{path: $.a, at_least: 1, length: {less_than: 9, at_least: 1}, level: degraded}]}"
    )
    found = found_in(check, b'{"a": "x"}').asserted
    assert [(one.assertion, one.expected, one.outcome, one.level) for one in found] == [
        ("json $.a", "at_least 1", "error", "degraded"),
        ("json $.a", "length less_than 9", "held", "degraded"),
        ("json $.a", "length at_least 1", "held", "degraded"),
    ]


def test_what_was_seen_is_shortened() -> None:
    one = asserted("body: {contains: needle}", b"x" * 1_000_000)
    assert len(one.seen) == 120
    assert one.seen.endswith("…")
    assert asserted("json: [{path: $, equals: 1}]", b'{"a": [1.50, "\\u00fc"]}').seen == '{"a":[1.50,"ü"]}'
    assert asserted("body: {equals: a}", b"x" * 118).seen == f'"{"x" * 118}"'
    assert asserted("body: {equals: a}", b"x" * 119).seen == f'"{"x" * 118}…'
    several = asserted("json: [{path: '$..a', exists: true}]", b'[{"a": 1}, {"a": 2}]')
    assert several.seen == "$..a finds 2 elements, not exactly one"
    assert asserted("json: [{path: $, length: {equals: 9}}]", b"[1,2]").seen == "2 in [1,2]"
    assert asserted("json: [{path: $, equals: a}]", b'"\\ud800\\u0000"').seen == '"\ufffd\\u0000"'
    assert asserted("json: [{path: $, less_than: 9}]", b'"5"').seen == '"5" (a string, not a number)'
    assert asserted("json: [{path: $, matches: a}]", b"5").seen == "5 (a number, not a string)"
    assert asserted("json: [{path: $, length: {equals: 1}}]", b"5").seen == "5 (a number has no length)"
    seen = asserted("json: [{path: $, contains: 5}]", b'"a"').seen
    assert seen == '"a" (a string, which cannot contain a number)'
    seen = asserted("json: [{path: $, contains: 5}]", b"true").seen
    assert seen == "true (a boolean, neither a string nor an array)"
    endless = asserted("json: [{path: $, less_than: 9}]", b"1e9999999999999999999")
    assert endless.seen == "1e9999999999999999999 (a number beyond all reckoning)"


def test_an_assertion_is_one_line_for_people() -> None:
    line = in_words(asserted("json: [{path: $.a, less_than: 5}]", b'{"a": 7}'))
    assert line == "json $.a: expected less_than 5, seen: 7"
    line = in_words(asserted("json: [{path: $.a, less_than: 5}]", b"<html>"))
    assert line == (
        "json $.a: expected less_than 5, cannot be told: the body is not JSON: HTML or XML at line 1 column 1"
    )


def test_what_is_expected_is_shown_as_the_file_has_it() -> None:
    check = expecting(
        "expect: {body: {contains: '${S}', equals: 5, not_equals: 1.50, matches: 'a+'}}", {"S": "s3cret"}
    )
    assert [one.shown for one in check.assertions] == ['"${S}"', "5", "1.50", "a+"]
    assert check.assertions[0].secrets == ("s3cret",)
    assert "s3cret" not in repr(check)


@pytest.mark.parametrize(
    ("keys", "body", "says"),
    [
        ("expect: {body: {matches: '(a|aa)+$'}}", b"a" * 100 + b"b", "took more than 100 ms"),
        ("expect: {json: [{path: $.a, not_matches: '(a|aa)+$'}]}", b'{"a": "%s"}' % (b"a" * 100 + b"b"), "100 ms"),
        ("expect: {json: [{path: \"$[?(@.a =~ '(a|aa)+$')]\", exists: false}]}",
         b'[{"a": "%s"}]' % (b"a" * 100 + b"b"), "took more than 100 ms"),
        ("expect: {json: [{path: '$.a.`sub(/(a|aa)+$/, b)`', exists: false}]}",
         b'{"a": "%s"}' % (b"a" * 100 + b"b"), "took more than 100 ms"),
    ],
)  # fmt: skip
def test_a_catastrophic_pattern_cannot_be_told(keys: str, body: bytes, says: str) -> None:
    found = found_in(expecting(keys), body)
    assert found.asserted[0].outcome == "error"
    assert says in found.asserted[0].seen
    assert found.unreadable


@pytest.mark.parametrize(
    ("expect", "unreadable"),
    [
        ("body: {contains: html}, json: [{path: $.a, equals: 1}]", True),
        ("body: {contains: none}, json: [{path: $.a, equals: 1}]", False),
        ("json: [{path: $.a, equals: 1}, {path: $.b, equals: 1}]", True),
        ("body: {contains: none, level: degraded}, json: [{path: $.a, equals: 1}]", True),
        ("body: {contains: none}, json: [{path: $.a, equals: 1, level: degraded}]", False),
        ("json: [{path: $.a, equals: 1, level: degraded}]", False),
        ("body: {less_than: 5}, json: [{path: $.a, equals: 1}]", False),
        ("body: {contains: html}", False),
    ],
)
def test_the_body_is_unreadable_when_the_first_assertion_against_the_check_says_so(
    expect: str, unreadable: bool
) -> None:
    assert found_in(expecting(f"expect: {{{expect}}}"), b"<html>").unreadable is unreadable


def test_quick_searches_give_up_for_all_of_the_answer() -> None:
    check = expecting("expect: {body: {matches: '(a|aa)+$'}}")
    with pytest.raises(TookTooLong):
        found_in(check, b"a" * 100 + b"b", quick=True)


@pytest.mark.parametrize(
    ("path", "body", "seen"),
    [
        ("$[?(@.a =~ 'b+$')].a", b'[{"a": "abb"}, {"a": "x"}, {"a": 5}, {}]', '"abb"'),
        ("$[?(@.a == 1 & @.b =~ '^x')].b", b'[{"a": 1, "b": "xy"}]', '"xy"'),
        ("$.a.`sub(/([a-z])-([a-z])/, \\\\\\\\2-\\\\\\\\1)`", b'{"a": "x-y"}', '"y-x"'),
    ],
)
def test_regexes_inside_a_json_path_mean_what_they_meant(path: str, body: bytes, seen: str) -> None:
    assert asserted(f'json: [{{path: "{path}", exists: true}}]', body).seen == seen


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        ([(b"x", b"1"), (b"y", b"2"), (b"x", b"3")], "1, 3"),
        ([(b"x", "grün".encode())], "grün"),
        ([(b"x", "grün".encode("latin-1"))], "grün"),
        ([(b"x", b"")], ""),
        ([(b"xx", b"1")], None),
    ],
)
def test_a_header_is_looked_up_among_what_came(pairs: list[tuple[bytes, bytes]], value: str | None) -> None:
    assert RawHeaders(pairs).get("x") == value


@pytest.mark.parametrize(
    ("path", "operator", "outcome"),
    [
        ("$.a * 2", "equals: 3", "held"),
        ("$.a + $.a", "less_than: 3", "failed"),
        ("$.big - $.big", "less_than: 3", "error"),
        ("$.big - $.big", "not_equals: 3", "error"),
        ("$.big * 2", "greater_than: 3", "error"),
    ],
)
def test_what_a_path_calculates_is_a_number_or_cannot_be_told(path: str, operator: str, outcome: str) -> None:
    body = b'{"a": 1.5, "big": 1e400}'
    assert asserted(f"json: [{{path: '{path}', {operator}}}]", body).outcome == outcome
