"""A topic and a database for `consume`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.consume.consuming import Consuming
from tests.services.kafka_fixtures import Kafka
from tests.services.postgres_fixtures import TestDatabase


@pytest.fixture
def line(kafka: Kafka, migrated: TestDatabase, tmp_path: Path) -> Iterator[Consuming]:
    made = Consuming(kafka, migrated, tmp_path)
    yield made
    made.admin.delete_topics([made.topic, f"{made.topic}.dlq"])
