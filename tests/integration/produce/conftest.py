"""A producer's surroundings: a broker of its own, a target that counts, a state directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.counting_target import CountingTarget
from tests.integration.produce.producing import CHECKS, Producing
from tests.services.kafka_server import KafkaServer


@pytest.fixture
def producing(kafka_node: KafkaServer, tmp_path: Path) -> Iterator[Producing]:
    """Ten checks, twice a second each."""
    with CountingTarget() as target:
        producing = Producing(kafka_node.bootstrap_servers, target, tmp_path)
        producing.write_checks(*CHECKS)
        yield producing
