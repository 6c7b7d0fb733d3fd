"""Which dead letters a person means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apistatus.errors import ConfigurationError
from apistatus.model.letters import Selection
from apistatus.wiring.letter_choice import Choice, selection

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


def chosen(*where: str, ids: tuple[int, ...] = ()) -> Selection:
    return selection(Choice(ids, where), NOW)


def test_conditions_narrow_what_is_meant() -> None:
    assert chosen() == Selection()
    assert chosen("reason=not_json", "reason = empty").reasons == ("not_json", "empty")
    assert chosen("partition=3", "offset=100").offsets == (100, 100)
    assert chosen("offset=100..200", "topic=statuses") == Selection(offsets=(100, 200), topic="statuses")
    assert chosen(ids=(4, 5)).ids == (4, 5)


@pytest.mark.parametrize(
    "text", ["since=24h", "since=-24h", "since=2026-11-24T12:00:00Z", "since=2026-11-24T13:00+01:00"]
)
def test_a_time_is_an_instant_or_an_age(text: str) -> None:
    assert chosen(text).since == NOW - timedelta(days=1)


def test_every_mistake_is_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        chosen("color=red", "partition=x", "offset=5..", "since=soon", "reason=", "topic=a", "topic=b")
    told = str(caught.value)
    assert len(caught.value.problems) == 6
    for text in ("color=red", "partition=x", "offset=5..", "since=soon", "reason=", "topic=b"):
        assert f"'{text}'" in told


def test_who_changes_something_has_to_choose() -> None:
    with pytest.raises(ConfigurationError, match="--all"):
        selection(Choice(), NOW, must_choose=True)
    assert selection(Choice(all_of_them=True), NOW, must_choose=True) == Selection()
    assert selection(Choice((7,)), NOW, must_choose=True).ids == (7,)
    assert selection(Choice(where=("topic=a",)), NOW, must_choose=True).topic == "a"


def test_discarded_ones_are_meant_only_when_that_is_said() -> None:
    assert "discarded" not in chosen().states
    assert "discarded" in selection(Choice(discarded_too=True), NOW).states
