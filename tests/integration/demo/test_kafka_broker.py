"""The in-memory broker: reachable while its owner lives, gone with it however that ends."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from confluent_kafka import Producer

from apistatus.demo.kafka_broker import InMemoryBroker
from apistatus.errors import KafkaUnavailable
from tests.services.command import wait_until

OWNER = """
import sys
from apistatus.demo.kafka_broker import InMemoryBroker
broker = InMemoryBroker("statuses")
broker.start()
print(broker.bootstrap_servers, flush=True)
sys.stdin.read()
"""


def is_there(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


def test_it_takes_messages_until_it_is_stopped() -> None:
    ends: list[object] = []
    with InMemoryBroker("statuses") as broker:
        address = broker.bootstrap_servers
        client = Producer({"bootstrap.servers": address})
        client.produce("statuses", b"value", on_delivery=lambda error, _message: ends.append(error))
        assert client.flush(20) == 0
    assert ends == [None]
    assert not is_there(address)
    with pytest.raises(RuntimeError, match="not running"):
        _ = broker.bootstrap_servers


def test_it_ends_at_once_although_clients_still_connect() -> None:
    for _ in range(5):
        with InMemoryBroker("statuses") as broker:
            client = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
            client.produce("statuses", b"value")
        client.purge()
        client.flush(0)


def test_it_ends_with_the_process_that_started_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        address = owner.stdout.readline().strip()
        assert is_there(address)
        owner.kill()
    wait_until(lambda: not is_there(address), "the broker's end")


def test_one_that_cannot_start_says_why() -> None:
    broker = InMemoryBroker("x" * 600)
    with pytest.raises(KafkaUnavailable, match=r"the in-memory broker did not start: .*Invalid argument"):
        broker.start()
    broker.stop()
