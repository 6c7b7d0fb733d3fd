"""Which definition was in force when, whatever the order in which definitions come."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apistatus.model.definition import CheckDefined, CheckRemoved, Definition
from apistatus.postgres.versions import Facts, Version, revise


def defined(at: int, name: str = "home", **fields: Any) -> CheckDefined:
    facts = {"v": 1, "kind": "check", "check": "home", "location": "local", "from_us": at, "name": name,
             "site": "http://x", "endpoint": "/", "interval_ms": 1000, "producer": "p", **fields}  # fmt: skip
    return CheckDefined(**facts)


def removed(at: int) -> CheckRemoved:
    return CheckRemoved(v=1, kind="check_removed", check="home", location="local", from_us=at, producer="p")


def spans(versions: list[Version]) -> list[tuple[int, int | None, str]]:
    return [(version.from_us, version.until_us, version.facts.name) for version in versions]


def test_a_first_definition_is_in_force_from_its_tick_on() -> None:
    assert spans(revise([], [defined(10)])) == [(10, None, "home")]


def test_the_same_again_after_a_restart_is_no_new_version() -> None:
    once = revise([], [defined(10)])
    assert revise(once, [defined(50, producer="another")]) == once


def test_a_change_ends_the_version_before() -> None:
    assert spans(revise([], [defined(10), defined(20, "new")])) == [(10, 20, "home"), (20, None, "new")]


def test_a_change_of_interval_sla_group_or_labels_is_a_version() -> None:
    for change in (
        {"interval_ms": 5},
        {"sla_ms": 5},
        {"group": "g"},
        {"labels": {"a": "b"}},
        {"site": "http://y"},
    ):
        assert len(revise([], [defined(10), defined(20, **change)])) == 2, change


def test_a_late_definition_goes_between_the_others() -> None:
    versions = revise([], [defined(10), defined(30, "last"), defined(20, "middle")])
    assert spans(versions) == [(10, 20, "home"), (20, 30, "middle"), (30, None, "last")]


def test_a_definition_before_all_others_ends_where_they_begin() -> None:
    assert spans(revise([], [defined(30, "last"), defined(10)])) == [(10, 30, "home"), (30, None, "last")]


def test_the_later_message_of_one_tick_wins() -> None:
    assert spans(revise([], [defined(10), defined(10, "corrected")])) == [(10, None, "corrected")]


def test_a_removed_check_ends_and_may_come_back() -> None:
    versions = revise([], [defined(10), removed(20), defined(40)])
    assert spans(versions) == [(10, 20, "home"), (40, None, "home")]


def test_a_definition_that_was_removed_at_its_own_tick_never_was() -> None:
    assert revise([], [defined(10), removed(10)]) == []


def test_removing_what_is_not_there_changes_nothing() -> None:
    assert revise([], [removed(10)]) == []
    assert spans(revise([], [defined(10), removed(20), removed(30)])) == [(10, 20, "home")]


def test_what_a_result_alone_told_gives_way_to_an_announcement() -> None:
    inferred = [Version(15, None, Facts.of(defined(0, "guessed")), "p", announced=False)]
    assert spans(revise(inferred, [defined(10)])) == [(10, None, "home")]
    later = revise(inferred, [defined(20)])
    assert [(version.from_us, version.announced) for version in later] == [(15, False), (20, True)]


def test_an_announcement_counts_even_if_it_says_what_a_result_told() -> None:
    inferred = [Version(15, None, Facts.of(defined(0)), "p", announced=False)]
    assert [version.announced for version in revise(inferred, [defined(20)])] == [False, True]


_definitions = st.lists(
    st.one_of(
        st.builds(defined, st.integers(0, 9), st.sampled_from("ab")), st.builds(removed, st.integers(0, 9))
    )
)


@given(_definitions)
def test_versions_never_overlap_and_are_never_empty(definitions: list[Definition]) -> None:
    versions = revise([], definitions)
    for version in versions:
        assert version.until_us is None or version.from_us < version.until_us
    for version, following in pairwise(versions):
        assert version.until_us is not None
        assert version.until_us <= following.from_us


@given(_definitions)
def test_a_redelivery_of_the_last_definitions_changes_nothing(definitions: list[Definition]) -> None:
    versions = revise([], definitions)
    assert revise(versions, definitions[-1:]) == versions


@given(st.lists(st.builds(defined, st.integers(0, 9), st.sampled_from("ab"))))
def test_the_newest_definition_of_a_tick_is_in_force_at_it(definitions: list[CheckDefined]) -> None:
    versions = revise([], definitions)
    if definitions:
        last = definitions[-1]
        covering = [version for version in versions if version.covers(last.from_us)]
        assert [version.facts for version in covering] == [Facts.of(last)]
        assert replace(covering[0], until_us=None).announced
