"""A bad deploy is not emptied into the dead letters."""

from __future__ import annotations

import pytest

from tests.integration.consume.consuming import Consuming, good

pytestmark = pytest.mark.real_kafka


def test_too_many_bad_messages_end_the_run_and_the_next_until_a_person_has_dealt_with_them(
    line: Consuming,
) -> None:
    line.send([*good(*range(60)), *[b"{"] * 50])
    with line.start() as consume:
        line.wait_for_rows(60)
        assert consume.stop() == 0, consume.said
    line.send([b"{"] * 3_000)
    with line.start() as consume:
        assert consume.process.wait(60) == 1
        assert "APISTATUS_DEAD_LETTER_LIMIT=0.5" in consume.said
        assert "apistatus dead-letters list" in consume.said
    stored = line.letters()
    assert 50 < stored < 1_200
    with line.start() as consume:
        assert consume.process.wait(60) == 1
    assert line.letters() == stored
    assert line.run("dead-letters", "discard", "--all")[0] == 0
    line.send(good(*range(60, 100)), partition=1)
    line.env = {"APISTATUS_DEAD_LETTER_LIMIT": "1"}
    with line.start() as consume:
        line.wait_for_rows(100)
        assert consume.stop() == 0, consume.said


def test_few_bad_messages_among_many_do_not(line: Consuming) -> None:
    mixed = [value for number in range(400) for value in (good(number)[0], b"{" if number % 3 == 0 else None)]
    line.send([value for value in mixed if value is not None])
    with line.start() as consume:
        line.wait_for_rows(400)
        assert consume.stop() == 0, consume.said
    assert line.letters() == 134
