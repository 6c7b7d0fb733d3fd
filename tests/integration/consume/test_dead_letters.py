"""What cannot be stored goes to the topic of dead letters, and people can deal with it."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.integration.consume.consuming import Consuming, good
from tests.services.command import wait_until

pytestmark = pytest.mark.real_kafka

POISON = [b"{", None, b'{"v": 1, "check": "\xff"}', b'{"v": 99}', b"x" * 900_000]
FORWARDED = "select count(*)::int from apistatus.dead_letter where forwarded_at is not null"


def _listed(line: Consuming, *args: str) -> list[dict[str, Any]]:
    code, said, _ = line.run("dead-letters", "list", "--output", "json", *args)
    assert code == 0
    found: list[dict[str, Any]] = json.loads(said)["dead_letters"]
    return found


def test_dead_letters_are_forwarded_as_they_came_with_what_is_wrong_with_them(line: Consuming) -> None:
    line.send([*good(*range(20)), *POISON])
    with line.start() as consume:
        line.wait_for_rows(20)
        wait_until(lambda: line.number(FORWARDED) == len(POISON), "all forwarded")
        wait_until(lambda: consume.metric("apistatus_dead_letters_forwarded_total") == len(POISON), "counted")
        assert consume.stop() == 0, consume.said
    read = line.read(f"{line.topic}.dlq", len(POISON))
    assert [(key, value) for key, value, _ in read] == [(b"home", value) for value in POISON]
    for number, (_, _, pairs) in enumerate(read):
        assert pairs[0] == ("from", b"a test \xff")
        told = {name.removeprefix("apistatus.error."): value.decode() for name, value in pairs[1:]}
        assert (told["topic"], told["partition"], told["offset"]) == (line.topic, "0", str(20 + number))
        assert told["group"] == line.kafka.settings.consumer_group
        assert told.keys() >= {"timestamp", "stage", "code", "message", "version", "at", "attempts"}
    codes = [dict(pairs)["apistatus.error.code"] for _, _, pairs in read]
    assert codes == [b"not_json", b"empty", b"not_utf8", b"unknown_version", b"not_json"]


def test_a_topic_that_refuses_dead_letters_does_not_stop_consuming(line: Consuming) -> None:
    from confluent_kafka.cimpl import NewTopic

    small = NewTopic(f"{line.topic}.dlq", 1, 1, config={"max.message.bytes": "2000"})
    line.admin.create_topics([small])[f"{line.topic}.dlq"].result(30)
    line.send([*good(*range(20)), os.urandom(50_000), b"{"])
    with line.start() as consume:
        line.wait_for_rows(20)
        wait_until(lambda: line.number(FORWARDED) == 1, "the small one forwarded")
        line.send(good(*range(20, 40)))
        line.wait_for_rows(40)
        assert consume.stop() == 0, consume.said
    assert "Traceback" not in consume.said
    refused = "select forward_error is not null from apistatus.dead_letter order by id"
    assert line.database.query(refused) == [(True,), (False,)]


def test_people_list_show_replay_and_discard_them(line: Consuming) -> None:
    line.send([*good(*range(20)), *POISON])
    with line.start() as consume:
        line.wait_for_rows(20)
        wait_until(lambda: line.letters() == len(POISON), "the dead letters")
        letters = _listed(line)
        assert [one["offset"] for one in letters] == [24, 23, 22, 21, 20]
        assert {one["state"] for one in letters} == {"open"}
        assert [one["offset"] for one in _listed(line, "--where", "reason=not_json")] == [24, 20]
        assert [
            one["offset"] for one in _listed(line, "--where", "offset=21..22", "--where", "since=1h")
        ] == [22, 21]
        number = str(letters[-1]["id"])
        code, said, _ = line.run("dead-letters", "show", number)
        assert code == 0
        assert "reason: not_json" in said
        assert said.endswith("value: {\n")
        assert line.run("dead-letters", "show", "999999")[0] == 1
        code, said, _ = line.run("dead-letters", "replay", "--where", "reason=not_json", "--dry-run")
        assert (code, said) == (0, "2 dead letters would be replayed\n")
        assert line.letters() == len(POISON)
        code, said, _ = line.run("dead-letters", "replay", number)
        assert (code, said) == (0, "1 dead letters replayed\n")
        wait_until(lambda: line.letters() == len(POISON) + 1, "it is bad still")
        newest = _listed(line)[0]
        assert (newest["state"], newest["attempts"]) == ("open", 1)
        code, said, _ = line.run("dead-letters", "discard", "--all")
        assert (code, said) == (0, f"{len(POISON) + 1} dead letters discarded\n")
        assert _listed(line) == []
        assert len(_listed(line, "--all")) == len(POISON) + 1
        assert consume.stop() == 0, consume.said


def test_a_letter_is_not_replayed_more_than_three_times(line: Consuming) -> None:
    line.send([b"{"])
    with line.start():
        for times in range(3):
            wait_until(lambda times=times: line.letters() == times + 1, "it comes back")
            assert line.run("dead-letters", "replay", "--all")[0] == 0
        wait_until(lambda: line.letters() == 4, "it comes back")
        code, said, _ = line.run("dead-letters", "replay", "--all")
        assert code == 1
        assert said == "0 dead letters replayed\n1 left alone: they were replayed 3 times already\n"
    attempts = line.database.query("select attempts from apistatus.dead_letter order by id")
    assert attempts == [(1,), (2,), (3,), (3,)]


def test_a_replayed_result_is_stored_under_its_own_key(line: Consuming) -> None:
    """The cause is mended: what was refused is taken now."""
    with line.database.connect("admin") as connection:
        connection.execute("alter table apistatus.results add constraint ours check (status_code <> 418)")
    bad = good(1)[0]
    assert bad is not None
    line.send([*good(0), bad.replace(b'"status":"up"', b'"status":"up","status_code":418')])
    with line.start() as consume:
        wait_until(lambda: (line.rows(), line.letters()) == (1, 1), "one stored, one refused")
        with line.database.connect("admin") as connection:
            connection.execute("alter table apistatus.results drop constraint ours")
        assert line.run("dead-letters", "replay", "--where", "reason=refused_by_postgresql")[0] == 0
        line.wait_for_rows(2)
        assert line.letters() == 1
        assert consume.stop() == 0
    [(key, _, headers)] = line.read(line.topic, 3)[-1:]
    assert key == b"home"
    assert [name for name, _ in headers] == ["from", "apistatus.replay"]


@pytest.mark.parametrize("action", ["replay", "discard"])
def test_an_action_on_everything_has_to_be_said(line: Consuming, action: str) -> None:
    code, _, told = line.run("dead-letters", action)
    assert code == 2
    assert "--where" in told
    code, _, told = line.run("dead-letters", action, "--where", "color=red", "--where", "partition=x")
    assert code == 2
    assert "color=red" in told
    assert "partition=x" in told
