"""A node with every kind of listener: plain, TLS, password, and two with a bad certificate."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.services.certificates import Authority, Pair
from tests.services.kafka_jars import NoKafka
from tests.services.kafka_server import KafkaServer, Shape, single_node

USER, PASSWORD = "apistatus", "correct horse"
"""May do everything."""
LIMITED_USER, LIMITED_PASSWORD = "limited", "battery staple"
"""May do nothing: not even see a topic."""
PROTOCOLS = {"TLS": "SSL", "SASL": "SASL_SSL", "WRONG_NAME": "SSL", "EXPIRED": "SSL"}
_TRIES = 3


class SecureServer:
    """The node, and what its clients need: the authority, a client certificate, users."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self.authority = Authority(folder / "certs")
        self.client: Pair = self.authority.client("apistatus")
        self._command, self._folder = command, folder
        self.server = self._made(0)

    def start(self) -> None:
        """Start and wait; another port when one was taken meanwhile. Raises NoKafka."""
        for number in range(1, _TRIES + 1):
            self.server.start()
            try:
                self.server.wait()
                break
            except NoKafka as error:
                if number == _TRIES or "in use" not in str(error):
                    raise
                self.server = self._made(number)
        self._make_users()

    def stop(self) -> None:
        self.server.stop()

    def _made(self, number: int) -> KafkaServer:
        node, shape = single_node(self._folder / f"node-{number}", PROTOCOLS)
        node.folder.mkdir(parents=True)
        return KafkaServer(self._command, node, Shape(shape.voters, 1, PROTOCOLS, self._properties()))

    def _properties(self) -> dict[str, str]:
        good = self.authority.server("broker")
        wrong_name = self.authority.server("elsewhere", ["kafka.elsewhere.example"])
        expired = self.authority.server("expired", days=-1)
        certificates = {"TLS": good, "SASL": good, "WRONG_NAME": wrong_name, "EXPIRED": expired}
        properties = {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:ANONYMOUS;User:{USER};User:CN=apistatus",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "listener.name.tls.ssl.client.auth": "required",
        }
        for listener, pair in certificates.items():
            prefix = f"listener.name.{listener.lower()}.ssl"
            properties |= {
                f"{prefix}.keystore.type": "PEM",
                f"{prefix}.keystore.location": str(pair.both),
                f"{prefix}.truststore.type": "PEM",
                f"{prefix}.truststore.location": str(self.authority.ca),
            }
        return properties

    def _make_users(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.server.bootstrap_servers})
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        users = ((USER, PASSWORD), (LIMITED_USER, LIMITED_PASSWORD))
        for future in admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(user, info, password.encode()) for user, password in users]
        ).values():
            future.result(timeout=30)


def delete_topics(bootstrap_servers: str, names: Sequence[str]) -> None:
    """Delete what a test made, as far as it is there."""
    if names:
        admin = AdminClient({"bootstrap.servers": bootstrap_servers})
        for future in admin.delete_topics(list(names), request_timeout=10).values():
            with contextlib.suppress(KafkaException):  # it is not there
                future.result(timeout=15)
