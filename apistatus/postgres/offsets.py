"""The fence: who may move a partition's offset, and how far it is. Offsets live where the rows live."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from apistatus.errors import ConfigurationError, Fenced, Problem, RecreatedTopic
from apistatus.ports import TopicIdentity
from apistatus.postgres.connect import Connection
from apistatus.postgres.statements import statement

_STALLED_S: Final = 4
"""A former owner's transaction that is open for longer and in our way is ended."""


@dataclass(slots=True)
class _Claim:
    epoch: int
    next_offset: int | None


class Claims:
    """The partitions that this consumer has claimed."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._identity: TopicIdentity | None = None
        self._claims: dict[int, _Claim] = {}
        self._former: set[tuple[int, datetime]] = set()

    @property
    def identity(self) -> TopicIdentity:
        """The topic that was claimed of. Raises Fenced before any claim."""
        if self._identity is None:
            raise Fenced(())
        return self._identity

    def claim(
        self, connection: Connection, identity: TopicIdentity, partitions: Collection[int]
    ) -> dict[int, int | None]:
        """Raise the epoch of these partitions; the offset to read next of each, None where there is none.

        Raises RecreatedTopic, and ConfigurationError when another consumer group fills this database.
        """
        wanted = sorted(partitions)
        names = {"cluster_id": identity.cluster_id, "topic": identity.topic, "partitions": wanted}
        with connection.transaction():
            self._require_same_topic(connection, identity)
            former = connection.execute(statement("offsets_owners"), names).fetchall()
            self._note_former(connection, former)
            found = connection.execute(
                statement("offsets_claim"),
                {**names, "group": self._group, "topic_id": identity.topic_id, "owner": self._owner},
            ).fetchall()
        self._identity = identity
        self._claims |= {partition: _Claim(epoch, at) for partition, epoch, at in found}
        return {partition: at for partition, _, at in found}

    def release(self, partitions: Collection[int]) -> None:
        """Forget these claims."""
        for partition in partitions:
            self._claims.pop(partition, None)

    def require(self, positions: Mapping[int, int]) -> None:
        """Raises Fenced for partitions that are not claimed."""
        unclaimed = positions.keys() - self._claims.keys()
        if unclaimed:
            raise Fenced(unclaimed)

    def advance(self, positions: Mapping[int, int]) -> tuple[bytes, dict[str, Any]]:
        """The statement that moves the offsets by compare-and-swap, and its parameters."""
        partitions = sorted(positions)
        claims = [self._claims[partition] for partition in partitions]
        return statement("offsets_advance"), {
            "cluster_id": self.identity.cluster_id, "topic": self.identity.topic, "partitions": partitions,
            "epochs": [claim.epoch for claim in claims], "expected": [claim.next_offset for claim in claims],
            "next": [positions[partition] for partition in partitions],
        }  # fmt: skip

    def moved(self, positions: Mapping[int, int]) -> None:
        """The transaction that moved them is committed."""
        for partition, at in positions.items():
            self._claims[partition].next_offset = at

    def end_stalled(self, connection: Connection) -> int:
        """End sessions of former owners whose open transaction keeps us waiting; how many."""
        return self._terminate(connection, self._former, _STALLED_S)

    def _note_former(self, connection: Connection, owners: list[tuple[Any, ...]]) -> None:
        """Remember who had the partitions. A session of our own is one that broke: it is ended at once."""
        ours = {(backend, at) for backend, at, owner in owners if owner == self._owner}
        self._former = {(backend, at) for backend, at, _ in owners}
        if ours:
            self._terminate(connection, ours, 0)

    @staticmethod
    def _terminate(
        connection: Connection, sessions: Collection[tuple[int, datetime]], older_than_s: int
    ) -> int:
        listed = list(sessions)
        answer = connection.execute(
            statement("owners_terminate"),
            {
                "backends": [backend for backend, _ in listed],
                "backends_at": [at for _, at in listed],
                "older_than_s": older_than_s,
            },
        ).fetchone()
        return answer[0] if answer else 0

    def _require_same_topic(self, connection: Connection, identity: TopicIdentity) -> None:
        known = connection.execute(statement("offsets_known"), (identity.topic,)).fetchall()
        mine = [(topic_id, group) for cluster, topic_id, group in known if cluster == identity.cluster_id]
        if known and not mine:
            raise RecreatedTopic(
                f"the stored offsets of topic {identity.topic} belong to Kafka cluster {known[0][0]}, but "
                f"KAFKA_BOOTSTRAP_SERVERS leads to cluster {identity.cluster_id}; {_way_out(identity.topic)}"
            )
        for topic_id, group in mine:
            if group != self._group:
                raise ConfigurationError([_other_group(group, self._group, identity.topic)])
            if topic_id and identity.topic_id and topic_id != identity.topic_id:
                raise RecreatedTopic(
                    f"topic {identity.topic} was made anew: the stored offsets belong to topic id "
                    f"{topic_id}, and its id is {identity.topic_id} now; {_way_out(identity.topic)}"
                )


def fenced(error: psycopg.Error, positions: Mapping[int, int]) -> Fenced:
    """What apistatus.advance_offsets raised, as our own exception."""
    detail = error.diag.message_detail or ""
    return Fenced([int(number) for number in re.findall(r"\d+", detail)] or positions)


def _way_out(topic: str) -> str:
    command = f"delete from apistatus.kafka_offsets where topic = '{topic}'"  # noqa: S608  (shown, never run)
    return (
        "check that it is the right one; to read it from its beginning (what is stored stays, and nothing is "
        f"stored twice), run in the database: {command}"
    )


def _other_group(known: str, ours: str, topic: str) -> Problem:
    command = f"update apistatus.kafka_offsets set consumer_group = '{ours}' where topic = '{topic}'"  # noqa: S608  (shown, never run)
    return Problem(
        "KAFKA_CONSUMER_GROUP",
        f"this database is filled by consumer group {known!r} already, and a second one ({ours!r}) would "
        f"fence it for ever; set KAFKA_CONSUMER_GROUP={known}, name another APPDB, or, if the group was "
        f"renamed, run in the database: {command}",
    )
