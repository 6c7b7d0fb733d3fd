"""The topic: found, or made when it is missing and we may; and which one it is."""

from __future__ import annotations

import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Final, NoReturn, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined]  # no __all__ there
from confluent_kafka.cimpl import NewTopic

from apistatus.errors import AccessRefused, ConfigurationError, KafkaUnavailable, Problem
from apistatus.kafka.client_config import admin_config, open_client
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.ports import TopicIdentity
from apistatus.runtime.logs import Events
from apistatus.settings.schema import KafkaSettings

log = Events("kafka")
T = TypeVar("T")

TIMEOUT_S: Final = 10.0
_SAFE_REPLICATION: Final = 3
_STEP_S: Final = 0.1
_REFUSAL_CONFIRMED_S: Final = 1.0
"""One of several brokers may refuse while another accepts: so long the others have to answer."""
_IN_MEMORY_CLUSTER: Final = "mockCluster"
"""How librdkafka's in-memory broker begins its cluster id (rdkafka_mock.c)."""


def ensure_topic(
    settings: KafkaSettings, timeout_s: float = TIMEOUT_S, *, is_told: bool = False
) -> TopicIdentity:  # fmt: skip
    """The topic's identity; it is made when it is missing.

    A new one gets `topic_partitions`, a copy on each broker that is up, at most three, and
    `min.insync.replicas=2` where there are three. `is_told`: a person reads the error at once, so the
    log need not say the same before. Raises KafkaUnavailable, AccessRefused, ConfigurationError.
    """
    session = _Session(settings, timeout_s, is_told=is_told)
    brokers, cluster_id = session.cluster()
    identity = session.identity(cluster_id)
    if identity is None:
        session.create(brokers)
        identity = session.identity_soon(cluster_id)
    elif identity.topic_id is not None:
        session.refuse_compaction()
    return identity


def identify(settings: KafkaSettings, timeout_s: float = TIMEOUT_S) -> TopicIdentity:
    """Which topic the name stands for now.

    Raises AccessRefused, and KafkaUnavailable also when there is no such topic.
    """
    session = _Session(settings, timeout_s)
    _brokers, cluster_id = session.cluster()
    identity = session.identity(cluster_id)
    if identity is None:
        raise KafkaUnavailable(
            f"there is no topic '{settings.topic}' (KAFKA_STATUS_TOPIC); `produce` and `consume` make it"
        )
    return identity


class _Session:
    """One admin client (kept until its futures are done, or they end in `_DESTROY`) and one deadline."""

    def __init__(self, settings: KafkaSettings, timeout_s: float, *, is_told: bool = False) -> None:
        self._settings = settings
        self._diagnosis = Diagnosis(settings, is_told=is_told)
        config = admin_config(settings, self._diagnosis)
        self._admin: AdminClient = open_client(AdminClient, config, settings)
        self._until_mono_s = time.monotonic() + timeout_s
        self._refused_mono_s: float | None = None

    def cluster(self) -> tuple[int, str]:
        """How many brokers are up, and the cluster's id."""
        while True:
            try:
                metadata = self._admin.list_topics(timeout=min(0.5, self._left_s()))
            except KafkaException as error:
                self._wait_on(error)
            else:
                self._diagnosis.clear()
                return len(metadata.brokers), str(metadata.cluster_id)

    def identity(self, cluster_id: str) -> TopicIdentity | None:
        """None: there is no such topic."""
        topic = self._settings.topic
        if cluster_id.startswith(_IN_MEMORY_CLUSTER):
            return self._identity_in_memory(cluster_id)
        try:
            futures = self._admin.describe_topics(TopicCollection([topic]), request_timeout=self._left_s())
            description = self._result(futures[topic])
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return None
            self._fail(error.args[0], "look at")
        except ValueError as error:
            self._bad_name(str(error), error)
        return TopicIdentity(cluster_id, topic, str(description.topic_id))

    def identity_soon(self, cluster_id: str) -> TopicIdentity:
        """A topic that was just made is known to every broker only a moment later."""
        while (identity := self.identity(cluster_id)) is None:
            if self._left_s() <= _STEP_S:
                raise KafkaUnavailable(f"topic '{self._settings.topic}' was made, but no broker knows it yet")
            self._admin.poll(_STEP_S)
        return identity

    def create(self, brokers: int) -> None:
        """Make the topic; well too when somebody else was faster."""
        settings = self._settings
        replication = settings.topic_replication or max(1, min(_SAFE_REPLICATION, brokers))
        config = {"min.insync.replicas": "2"} if replication >= _SAFE_REPLICATION else {}
        topic = NewTopic(
            settings.topic,
            num_partitions=settings.topic_partitions,
            replication_factor=replication,
            config=config,
        )
        try:
            self._result(self._admin.create_topics([topic], request_timeout=self._left_s())[settings.topic])
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                self._fail(error.args[0], "create")
        else:
            log.always(
                "topic.created",
                topic=settings.topic,
                partitions=settings.topic_partitions,
                replication=replication,
            )

    def refuse_compaction(self) -> None:
        """Raises ConfigurationError for a topic that keeps only the newest result of each check."""
        topic = self._settings.topic
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        try:
            futures = self._admin.describe_configs([resource], request_timeout=min(3.0, self._left_s()))
            policy = str(self._result(futures[resource])["cleanup.policy"].value)
        except KafkaException as error:
            # Who may write and read a topic need not be allowed to look at its settings.
            log.debug("topic.settings_unknown", topic=topic, cause=error.args[0].str())
            return
        if "compact" in policy:
            said = f"topic '{topic}' has cleanup.policy={policy}: Kafka would delete results; it must be 'delete'"
            raise ConfigurationError([Problem("KAFKA_STATUS_TOPIC", said)])

    def _identity_in_memory(self, cluster_id: str) -> TopicIdentity | None:
        topic = self._settings.topic
        try:
            found = self._admin.list_topics(topic, timeout=self._left_s()).topics.get(topic)
        except KafkaException as error:
            self._wait_on(error)
            return None
        if found is None or found.error is not None:
            return None
        log.info("topic.in_memory", topic=topic, note="not durable, and without an id to know it by")
        return TopicIdentity(cluster_id, topic, None)

    def _left_s(self) -> float:
        return max(_STEP_S, self._until_mono_s - time.monotonic())

    def _result(self, future: Future[T]) -> T:
        """The future's result; what the brokers complain of meanwhile ends the wait early."""
        while True:
            try:
                return future.result(timeout=_STEP_S)
            except NotYet as error:
                self._wait_on(error)

    def _wait_on(self, error: Exception) -> None:
        """Serve callbacks; raises what is wrong at the deadline, or when a refusal has stood for a second."""
        self._admin.poll(_STEP_S)
        now = time.monotonic()
        # One that says no no longer was a broker on its way down or up.
        self._refused_mono_s = (self._refused_mono_s or now) if self._diagnosis.refused() else None
        refused = self._refused_mono_s is not None and now - self._refused_mono_s >= _REFUSAL_CONFIRMED_S
        if refused or now >= self._until_mono_s:
            raise self._diagnosis.explanation("Kafka does not serve us") from error

    def _fail(self, error: KafkaError, verb: str) -> NoReturn:
        """Say why `verb` on the topic failed."""
        topic, user = self._settings.topic, self._settings.sasl_username
        code, said = error.code(), error.str()
        who = f"Kafka user '{user}'" if user else "this Kafka client"
        if code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
            raise AccessRefused(
                f"{who} may not {verb} topic '{topic}' (KAFKA_STATUS_TOPIC); create it with "
                f"{self._settings.topic_partitions} partitions and grant DESCRIBE and WRITE (produce) or "
                f"READ (consume)"
            )
        if code == KafkaError.POLICY_VIOLATION:
            raise AccessRefused(f"the cluster's policy forbids to {verb} topic '{topic}': {said}")
        if code == KafkaError.INVALID_REPLICATION_FACTOR:
            raise ConfigurationError([Problem("KAFKA_TOPIC_REPLICATION", f"the cluster refuses it: {said}")])
        if code in (KafkaError.INVALID_PARTITIONS, KafkaError.INVALID_REQUEST):
            raise ConfigurationError([Problem("KAFKA_TOPIC_PARTITIONS", f"the cluster refuses it: {said}")])
        if code == KafkaError.TOPIC_EXCEPTION:
            self._bad_name(said, KafkaException(error))
        raise self._diagnosis.explanation(f"cannot {verb} topic '{topic}' ({said})") from KafkaException(
            error
        )

    def _bad_name(self, said: str, cause: Exception) -> NoReturn:
        problem = Problem("KAFKA_STATUS_TOPIC", f"'{self._settings.topic}' is no name for a topic: {said}")
        raise ConfigurationError([problem]) from cause
