"""Members come and go: every partition has one owner, and reading goes on where the other one stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.kafka.reading import Member, poll_until, publish
from tests.services.kafka_fixtures import Kafka

pytestmark = pytest.mark.real_kafka
PROTOCOLS = pytest.mark.parametrize("protocol", ["classic", "consumer"])


def shared_out(*members: Member) -> bool:
    """All 6 partitions are assigned, each to one member, and nobody goes without."""
    owned = [partition for member in members for partition in member.source.assigned()]
    return sorted(owned) == list(range(6)) and all(member.source.assigned() for member in members)


@PROTOCOLS
def test_a_second_member_takes_its_share_and_gives_it_back(kafka: Kafka, protocol: str) -> None:
    settings = replace(kafka.topic(partitions=6), group_protocol=protocol)
    stored: dict[int, int] = {}
    publish(settings, range(300))
    first = Member(settings, stored)
    poll_until([first], lambda: len(first.read) == 300 and shared_out(first), "the first reads all")
    second = Member(settings, stored)
    poll_until([first, second], lambda: shared_out(first, second), "both have a share")
    publish(settings, range(300, 600))
    poll_until([first, second], lambda: len(first.read + second.read) >= 600, "both read on")
    assert sorted(map(int, first.values + second.values)) == list(range(600))
    assert second.read
    second.close()
    poll_until([first], lambda: shared_out(first), "the first has all again")
    publish(settings, range(600, 700))
    poll_until([first], lambda: len(first.read + second.read) >= 700, "the first reads the rest")
    assert sorted(map(int, first.values + second.values)) == list(range(700))
    first.close()


@PROTOCOLS
def test_paused_members_that_keep_polling_keep_their_partitions(kafka: Kafka, protocol: str) -> None:
    settings = replace(kafka.topic(partitions=6), group_protocol=protocol, session_timeout_ms=6000)
    publish(settings, range(60))
    member = Member(settings)
    poll_until([member], lambda: len(member.read) == 60, "all is read")
    member.source.hold()
    publish(settings, range(60, 120))
    for _ in range(120):  # 12 seconds: two sessions
        assert list(member.source.poll(10, 0.1)) == []
    assert shared_out(member)
    member.source.start(dict(member.stored))
    poll_until([member], lambda: len(member.read) == 120, "the rest is read")
    assert sorted(map(int, member.values)) == list(range(120))
    member.close()


def test_what_a_leaving_member_had_is_read_on_by_the_others(kafka: Kafka) -> None:
    """One that is killed is case 1 of the fault suite."""
    settings = replace(kafka.topic(partitions=6), session_timeout_ms=2000)
    publish(settings, range(60))
    stored: dict[int, int] = {}
    leaving, successor = Member(settings, stored), Member(settings, stored)
    poll_until([leaving, successor], lambda: shared_out(leaving, successor), "both have a share")
    leaving.source._consumer.unsubscribe()
    poll_until([leaving, successor], lambda: shared_out(successor), "the successor has all")
    poll_until([successor], lambda: len(leaving.read + successor.read) >= 60, "all is read")
    assert {int(value) for value in leaving.values + successor.values} == set(range(60))
    successor.close()
    leaving.close()


@PROTOCOLS
def test_a_topic_that_is_made_after_the_start_is_found(kafka: Kafka, protocol: str) -> None:
    settings = kafka.with_settings(
        group_protocol=protocol, topic=f"{kafka.settings.topic}-0",
        client_config=(("topic.metadata.refresh.interval.ms", "500"),), client_config_lines=(1,),
    )  # fmt: skip
    member = Member(settings)
    for _ in range(10):
        member.step()
    assert kafka.topic(partitions=6).topic == settings.topic
    publish(settings, range(10))
    poll_until([member], lambda: len(member.read) == 10, "the new topic is read")
    member.close()
