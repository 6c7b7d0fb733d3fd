"""Batch, loop and fence as a state machine: whatever happens in whatever order, the audit holds.

The database in memory refuses no row twice, so that nothing but the fence keeps a message from being
stored twice.
"""

from __future__ import annotations

import copy

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from apistatus.errors import PostgresUnavailable
from tests.fakes.messages import encoded
from tests.fakes.sink import Database
from tests.unit.consume.line import Line, Topic

pytestmark = pytest.mark.timeout(600)  # seconds of computing, of which a busy machine makes minutes
PARTITIONS = range(3)
MEMBERS = 2
partitions = st.sampled_from(PARTITIONS)
members = st.integers(0, MEMBERS - 1)


class Consumers(RuleBasedStateMachine):
    """Two members of a group, some of which are zombies at times, on one topic and one database."""

    @initialize(size=st.sampled_from((1, 3, 7, 100)), poll=st.sampled_from((1, 2, 500)))
    def begin(self, size: int, poll: int) -> None:
        self.size, self.poll = size, poll
        self.topic: Topic = {partition: [] for partition in PARTITIONS}
        self.database = Database()
        self.snapshot = copy.deepcopy(self.database.__dict__ | {"owner": {}})
        self.members = [self._new() for _ in range(MEMBERS)]
        for partition in PARTITIONS:
            self.members[partition % MEMBERS].source.assign(partition)
            self._put(partition, 5)

    def _put(self, partition: int, count: int) -> None:
        log = self.topic[partition]
        for _ in range(count):
            log += [b"{"] if len(log) % 4 == 3 else encoded(len(log), check=f"check-{partition}")

    def _new(self) -> Line:
        line = Line(
            self.topic, self.database, max_messages=self.size, max_age_s=0.05,
            messages_a_poll=self.poll,
        )  # fmt: skip
        line.source.revoke(*PARTITIONS)
        return line

    @rule(counts=st.tuples(*[st.integers(0, 5)] * len(PARTITIONS)))
    def produce(self, counts: tuple[int, ...]) -> None:
        for partition, count in zip(PARTITIONS, counts, strict=True):
            self._put(partition, count)

    @rule(counts=st.tuples(*[st.integers(1, 3)] * MEMBERS))
    def deliver(self, counts: tuple[int, ...]) -> None:
        for member, count in zip(self.members, counts, strict=True):
            member.steps(count)

    @rule(member=members)
    def deliver_to_one(self, member: int) -> None:
        self._put(0, 1)
        self.members[member].steps(1)

    @rule(member=members)
    def crash(self, member: int) -> None:
        """It is gone with all it knew, and another one starts in its place."""
        owned = self.members[member].source.mine
        self.members[member] = self._new()
        self.members[member].source.assign(*owned)

    @rule(member=members, partition=partitions)
    def rebalance(self, member: int, partition: int) -> None:
        for other in self.members:
            other.source.revoke(partition)
        self.members[member].source.assign(partition)

    @rule(member=members, partition=partitions)
    def take_over_from_a_frozen_member(self, member: int, partition: int) -> None:
        """The one that had it does not know yet, and goes on as before."""
        self.members[member].source.assign(partition)

    @rule(member=members)
    def lose_the_connection(self, member: int) -> None:
        self.members[member].sink.failures.append(PostgresUnavailable("gone"))

    @rule(member=members)
    def lose_the_answer_to_commit(self, member: int) -> None:
        self.members[member].sink.after_commit.append(PostgresUnavailable("answer lost"))

    @rule(member=members, count=st.integers(1, 3))
    def stay_away(self, member: int, count: int) -> None:
        self.members[member].sink.claim_failures += [PostgresUnavailable("gone")] * count

    @rule(member=members, partition=partitions, by=st.integers(1, 20))
    def redeliver(self, member: int, partition: int, by: int) -> None:
        """The client goes back for reasons of its own."""
        positions = self.members[member].source.positions
        if partition in positions:
            positions[partition] = max(0, positions[partition] - by)

    @rule(member=members, partition=partitions)
    def jump_to_the_end(self, member: int, partition: int) -> None:
        """As librdkafka does when it answers an old question late."""
        positions = self.members[member].source.positions
        self._put(partition, 2)
        if partition in positions:
            positions[partition] = len(self.topic[partition]) - 1

    @rule()
    def take_a_backup(self) -> None:
        self.snapshot = copy.deepcopy({**self.database.__dict__, "owner": {}}) | {
            "owner": dict(self.database.owner)
        }

    @rule(noticed=st.booleans())
    def restore_to_the_backup(self, noticed: bool) -> None:
        """Or fail over to a standby that lacks the newest transactions; connections break, mostly."""
        state = copy.deepcopy({**self.snapshot, "owner": {}}) | {"owner": dict(self.snapshot["owner"])}
        self.database.__dict__.update(state)
        for member in self.members if noticed else ():
            member.sink.failures.append(PostgresUnavailable("failing over"))

    @rule()
    def let_the_fenced_rest(self) -> None:
        for member in self.members:
            member.clock.now_ns += 21_000_000_000

    @invariant()
    def rows_and_dead_letters_are_what_the_offsets_say(self) -> None:
        if not hasattr(self, "database"):
            return
        for partition in PARTITIONS:
            assert self._stored(partition) == list(range(self.database.next_offset.get(partition) or 0))

    def _stored(self, partition: int) -> list[int]:
        """Offsets of a partition that are stored, as often as they are."""
        dead = [offset for at, offset, _ in self.database.dead if at == partition]
        return sorted(self.members[0].numbers(f"check-{partition}") + dead)

    def teardown(self) -> None:
        """In the end everything comes to one member, and everything is stored."""
        if not hasattr(self, "database"):
            return
        last = self._new()
        for member in self.members:
            member.source.revoke(*PARTITIONS)
        last.source.assign(*PARTITIONS)
        last.steps(sum(map(len, self.topic.values())) // min(self.size, self.poll) + 40)
        for partition, log in self.topic.items():
            assert self._stored(partition) == list(range(len(log)))


TestConsumers = Consumers.TestCase
TestConsumers.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
