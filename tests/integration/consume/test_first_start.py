"""What a newcomer sees: `consume` makes the topic that is not there yet, and complains of nothing."""

from __future__ import annotations

import pytest

from tests.integration.consume.consuming import Consuming

pytestmark = pytest.mark.real_kafka


def test_the_first_start_makes_the_topic_and_complains_of_nothing(line: Consuming) -> None:
    name = f"{line.topic}-made-by-consume"
    line.env = {"KAFKA_STATUS_TOPIC": name}
    try:
        with line.start() as consume:
            consume.wait_for_line("partitions.claimed")
            assert consume.stop() == 0, consume.said
    finally:
        line.admin.delete_topics([name])[name].result(30)
    assert f"topic.created topic={name}" in consume.said
    assert " WARNING " not in consume.said
    assert " ERROR " not in consume.said
