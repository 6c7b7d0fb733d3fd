"""The fence: who may move a partition's offset, and how far it is. Offsets live where the rows live."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

import psycopg

from apistatus.errors import ConfigurationError, Fenced, Problem, RecreatedTopic
from apistatus.ports import TopicIdentity
from apistatus.postgres.connect import Connection
from apistatus.postgres.statements import statement
from apistatus.runtime.logs import Events

log = Events("postgres")

_WAY_OUT: Final = (
    "check that it is the right one; to read it from its beginning (what is stored stays, and nothing is "
    "stored twice) run: apistatus consume --on-recreated-topic restart"
)
_STALLED_S: Final = 4
"""A former owner's transaction that is open for longer and in our way is ended."""


@dataclass(slots=True)
class _Claim:
    epoch: int
    next_offset: int | None
    stored_at: datetime | None = None
    recent: list[int] | None = None


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

    @property
    def has_some(self) -> bool:
        """Whether anything is claimed."""
        return bool(self._claims)

    def claim(
        self, connection: Connection, identity: TopicIdentity, partitions: Collection[int], *,
        restart: bool = False,
    ) -> dict[int, int | None]:  # fmt: skip
        """Raise the epoch of these partitions; the offset to read next of each, None where there is none.

        Raises ConfigurationError when another consumer group fills this database, and RecreatedTopic;
        with `restart` the offsets of the former topic are forgotten instead.
        """
        with connection.transaction():
            self._require_same_topic(connection, identity, restart=restart)
            claims = self._take(connection, identity, dict.fromkeys(partitions, 0), of_anybody=True)
            if claims.keys() != set(partitions):
                # Another group was faster between our look and our claim.
                self._require_same_topic(connection, identity, restart=False)
        self._identity = identity
        self._claims |= claims
        return {partition: claim.next_offset for partition, claim in claims.items()}

    def reclaim(self, connection: Connection) -> dict[int, int | None]:
        """Raise the epoch of what we have claimed, except where another consumer has since.

        The offset to read next of each; the others' claims are forgotten.
        """
        epochs = {partition: claim.epoch for partition, claim in self._claims.items()}
        with connection.transaction():
            self._claims = self._take(connection, self.identity, epochs, of_anybody=False)
        return {partition: claim.next_offset for partition, claim in self._claims.items()}

    @property
    def recent(self) -> list[int] | None:
        """What was kept beside the offset that moved last, of those that we have claimed."""
        stored = [(claim.stored_at, claim.recent) for claim in self._claims.values() if claim.stored_at]
        return max(stored, key=itemgetter(0))[1] if stored else None

    def set_back(self, connection: Connection, partitions: Collection[int]) -> frozenset[int]:
        """Which of these claims do not hold although no other consumer has made one since."""
        known = sorted(partitions & self._claims.keys())
        taken = connection.execute(
            statement("offsets_taken"),
            {**self._names(self.identity), "partitions": known, "owner": self._owner,
             "epochs": [self._claims[partition].epoch for partition in known]},
        ).fetchall()  # fmt: skip
        return frozenset(known) - {row[0] for row in taken}

    def release(self, partitions: Collection[int]) -> None:
        """Forget these claims."""
        for partition in partitions:
            self._claims.pop(partition, None)

    def require(self, partitions: Collection[int]) -> None:
        """Raises Fenced for partitions that are not claimed."""
        unclaimed = set(partitions) - self._claims.keys()
        if unclaimed:
            raise Fenced(unclaimed)

    def advance(
        self, positions: Mapping[int, int | None], recent: Sequence[int] | None
    ) -> tuple[bytes, dict[str, Any]]:
        """The statement that moves the offsets by compare-and-swap, and its parameters."""
        partitions = sorted(positions)
        claims = [self._claims[partition] for partition in partitions]
        return statement("offsets_advance"), {
            **self._names(self.identity), "partitions": partitions,
            "epochs": [claim.epoch for claim in claims], "expected": [claim.next_offset for claim in claims],
            "next": [positions[partition] for partition in partitions],
            "recent": None if recent is None else list(recent),
        }  # fmt: skip

    def moved(self, positions: Mapping[int, int | None]) -> None:
        """The transaction that moved them is committed."""
        for partition, at in positions.items():
            self._claims[partition].next_offset = at

    def end_stalled(self, connection: Connection) -> int:
        """End sessions of former owners whose open transaction keeps us waiting; how many."""
        return self._terminate(connection, self._former, _STALLED_S)

    def _take(
        self, connection: Connection, identity: TopicIdentity, epochs: Mapping[int, int], *, of_anybody: bool
    ) -> dict[int, _Claim]:
        """The claims that were made, of those wanted. `epochs`: of the claims that we had before."""
        wanted = sorted(epochs)
        names = {**self._names(identity), "partitions": wanted}
        self._note_former(connection, connection.execute(statement("offsets_owners"), names).fetchall())
        found = connection.execute(
            statement("offsets_claim"),
            {**names, "epochs": [epochs[partition] for partition in wanted], "group": self._group,
             "topic_id": identity.topic_id, "owner": self._owner, "of_anybody": of_anybody},
        ).fetchall()  # fmt: skip
        return {partition: _Claim(*claim) for partition, *claim in found}

    @staticmethod
    def _names(identity: TopicIdentity) -> dict[str, Any]:
        return {"cluster_id": identity.cluster_id, "topic": identity.topic}

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

    def _require_same_topic(self, connection: Connection, identity: TopicIdentity, *, restart: bool) -> None:
        known = connection.execute(statement("offsets_known"), (identity.topic,)).fetchall()
        mine = [(topic_id, group) for cluster, topic_id, group in known if cluster == identity.cluster_id]
        for _, group in mine:
            if group != self._group:
                raise ConfigurationError([_other_group(group, self._group, identity.topic)])
        try:
            _compare(identity, known, mine)
        except RecreatedTopic as error:
            if not restart:
                raise
            names = {**self._names(identity), "topic_id": identity.topic_id}
            for name in ("offsets_restart", "offsets_forget_clusters"):
                connection.execute(statement(name), names)
            log.error("topic.restarted", topic=identity.topic, cause=str(error).partition(";")[0])


def _compare(identity: TopicIdentity, known: Sequence[Any], mine: Sequence[Any]) -> None:
    """Raises RecreatedTopic unless the stored offsets belong to this topic of this cluster."""
    if known and not mine:
        raise RecreatedTopic(
            f"the stored offsets of topic {identity.topic} belong to Kafka cluster {known[0][0]}, but "
            f"KAFKA_BOOTSTRAP_SERVERS leads to cluster {identity.cluster_id}; {_WAY_OUT}"
        )
    for topic_id, _ in mine:
        if topic_id and identity.topic_id and topic_id != identity.topic_id:
            raise RecreatedTopic(
                f"topic {identity.topic} was made anew: the stored offsets belong to topic id {topic_id}, and "
                f"its id is {identity.topic_id} now; {_WAY_OUT}"
            )


def fenced(error: psycopg.Error, positions: Mapping[int, int | None]) -> Fenced:
    """What apistatus.advance_offsets raised, as our own exception."""
    detail = error.diag.message_detail or ""
    return Fenced([int(number) for number in re.findall(r"\d+", detail)] or positions)


def _other_group(known: str, ours: str, topic: str) -> Problem:
    command = f"update apistatus.kafka_offsets set consumer_group = '{ours}' where topic = '{topic}'"  # noqa: S608  (shown, never run)
    return Problem(
        "KAFKA_CONSUMER_GROUP",
        f"this database is filled by consumer group {known!r} already, and a second one ({ours!r}) would "
        f"fence it for ever; set KAFKA_CONSUMER_GROUP={known}, name another APPDB, or, if the group was "
        f"renamed, run in the database: {command}",
    )
