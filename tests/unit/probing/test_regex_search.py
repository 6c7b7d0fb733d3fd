"""`regex`: Python's meaning, the first group, and an end in sight."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apistatus.probing.body import ExtractFailed
from apistatus.probing.extract import compile_json_path, compile_regex
from apistatus.probing.regex_search import LIMIT_S, Pattern


@pytest.mark.parametrize(
    ("pattern", "body", "value"),
    [
        ("<title>([^<]+)</title>", b"<html><title>Hello</title>", "Hello"),
        (r"v\d+", b"is v12 here", "v12"),
        (r"(\d+)-(\d+)", b"10-20", "10"),
        (r"(?i)HELLO", b"say hello", "hello"),
        (r'{"a": (\d+)}', b'{"a": 5}', "5"),
        (r"x{2}", b"xxx", "xx"),
        (r"x{,2}y", b"xxxy", "xxy"),
        (r"[{e}]+", b"a{e}b", "{e}"),
        (r"[]{]+", b"a]{b", "]{"),
        (r"[]{e}]+", b"a]{e}b", "]{e}"),
        (r"[^]{e}]+", b"]e{ab}", "ab"),
        (r"[\]{e}]+", b"a]{e}b", "]{e}"),
        (r"\{e}", b"{e}", "{e}"),
        (r"\N{DIGIT ONE}{2}", b"0011", "11"),
        (r"x\N{DIGIT ONE}{2}", b"1x11", "x11"),
        ("(ü)", "grün".encode(), "ü"),
        ("()x", b"x", ""),
        (r"(?x) a  # {not a quantifier}" + "\n b", b"ab", "ab"),
    ],
)
def test_the_value_is_the_first_group_or_the_whole_match(pattern: str, body: bytes, value: str) -> None:
    assert compile_regex(pattern)(body, None) == value


def test_an_extractor_knows_what_it_was_made_of() -> None:
    assert compile_regex("(a)b").source == "(a)b"
    assert compile_json_path("$.a").source == "$.a"


def test_the_charset_counts() -> None:
    assert compile_regex("gr(.)n")("grün".encode("latin-1"), "latin-1") == "ü"
    assert compile_regex("gr(.)n")(b"gr\xfcn", "utf-8") == "\ufffd"
    assert compile_regex("gr(.)n")("grün".encode(), "zip") == "ü"


def test_no_match_is_a_failed_extraction() -> None:
    with pytest.raises(ExtractFailed, match=r"^the regular expression a\.b matches nothing in the body$"):
        compile_regex("a.b")(b"nothing", None)
    with pytest.raises(ExtractFailed, match=r"the first group of \(a\)\?b took no part in the match"):
        compile_regex("(a)?b")(b"b", None)
    for length, shown in ((100, "x" * 100), (101, "x" * 99 + "…"), (500, "x" * 99 + "…")):
        with pytest.raises(ExtractFailed) as failed:
            compile_regex("x" * length)(b"nothing", None)
        assert str(failed.value) == f"the regular expression {shown} matches nothing in the body"


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("", "^an empty regular expression matches everything$"),
        ("(", "is not a regular expression: missing \\)"),
        ("a**", "is not a regular expression: multiple repeat"),
        (r"\p{L}", "is not a regular expression: bad escape"),
        ("(?<name>x)", "is not a regular expression"),
        ("(?:foo){e}", "has '{e}', which is no quantifier"),
        ("(?:foo){e<=1}", "which is no quantifier"),
        ("(?:foo){e<=1,i<=2}", r"^has '{e<=1,i<', which is no quantifier: a literal brace is written \\{$"),
        ("(?:foo){1<=e<=3}", "which is no quantifier"),
        ("(?:foo){2i+1d<=4}", "which is no quantifier"),
        ("(?:foo){s,i}", "which is no quantifier"),
        (r"\d{e}", "^has '{e}', which is no quantifier"),
        ("[a]{e}", "^has '{e}', which is no quantifier"),
        ("[ab]{e}", "^has '{e}', which is no quantifier"),
        ("[a^]{e}", "^has '{e}', which is no quantifier"),
        ("[^a]{e}", "^has '{e}', which is no quantifier"),
        ("[]a]{e}", "^has '{e}', which is no quantifier"),
        ("[^]a]{e}", "^has '{e}', which is no quantifier"),
        ("[a][b]{e}", "^has '{e}', which is no quantifier"),
        ("(?x)foo # [\n{e}", "which is no quantifier"),
        ("(?#[)(?:foo){e}", "which is no quantifier"),
        ("[[:alpha:]]", "has an ambiguous set"),
        ("[a--b]", "has an ambiguous set"),
        ("x" * 10_001, "longer than 10000 characters"),
        ("(" * 5_000 + ")" * 5_000, "^is too large or too deeply nested$"),
        ("a{99999999999}", "is too large"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused(pattern: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        compile_regex(pattern)


@pytest.mark.parametrize(
    ("pattern", "body"),
    [(r"(a|aa)+$", b"a" * 100 + b"b"), (r"(.*a){25}x", b"a" * 100), (r"<t>(.*?)</t>", b"<t>" * 100_000)],
)
def test_a_catastrophic_pattern_ends_in_a_failed_extraction(pattern: str, body: bytes) -> None:
    with pytest.raises(ExtractFailed) as failed:
        compile_regex(pattern)(body, None)
    assert str(failed.value) == f"the regular expression {pattern} took more than 100 ms on this body"


@pytest.mark.parametrize(
    "search",
    [
        lambda pattern, body: pattern.search(body, LIMIT_S),
        lambda pattern, body: pattern.occurs(body, LIMIT_S),
        lambda pattern, body: pattern.replace("", body, LIMIT_S),
    ],
    ids=["search", "occurs", "replace"],
)
def test_other_threads_go_on_during_a_search(search: Callable[[Pattern, str], object]) -> None:
    # A main thread that got no processor meanwhile proves nothing; then it is searched again.
    assert any(_steps_during(search) >= 3 for _ in range(20))


def _steps_during(search: Callable[[Pattern, str], object]) -> int:
    pattern, begun, ended = Pattern("(a|aa)+$"), threading.Event(), threading.Event()

    def searching() -> None:
        begun.set()
        with suppress(TimeoutError):  # how it ends is not asked here, only when
            search(pattern, "a" * 100 + "b")
        ended.set()

    thread = threading.Thread(target=searching)
    thread.start()
    begun.wait(30)
    steps = 0
    while not ended.wait(0.001):
        steps += 1
    thread.join()
    return steps


@settings(deadline=None)
@given(
    st.text(alphabet="ab01{}[]()|*+?,.\\^$eids<=:- ", min_size=1, max_size=14),
    st.text(alphabet="ab01{}[]eids<=, ", max_size=20),
)
def test_whatever_is_accepted_means_what_it_means_to_python(pattern: str, body: str) -> None:
    try:
        ours = Pattern(pattern)
    except ValueError:
        assume(False)
        return
    theirs = re.search(pattern, body)
    try:
        found: str | None = ours.search(body, 5.0)
    except ExtractFailed:
        found = None
    assert found == (theirs and theirs[1 if re.compile(pattern).groups else 0])
