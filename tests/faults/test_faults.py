"""The quick half of the fault suite, once each: cases 1, 2, 4, 5, 10, 11 and 19. `make faults` plays all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.faults.case import load_all
from tests.faults.playing import Stage, play
from tests.services.kafka_fixtures import BRINGS_KAFKA
from tests.services.kafka_jars import NoKafka
from tests.services.missing import lacks

CASES = load_all()
QUICK = [number for number, case in CASES.items() if case.quick]

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stage_or_reason() -> Iterator[Stage | str]:
    try:
        with Stage() as stage:
            yield stage
    except NoKafka as error:
        yield str(error)


@pytest.fixture
def stage(stage_or_reason: Stage | str, request: pytest.FixtureRequest) -> Stage:
    if isinstance(stage_or_reason, str):
        lacks(request, "Apache Kafka", why=stage_or_reason, command=BRINGS_KAFKA)
    return stage_or_reason


@pytest.mark.parametrize(
    "number", QUICK, ids=lambda number: f"{number}-{CASES[number].title.replace(' ', '-')}"
)
def test_the_promise_holds(number: int, stage: Stage) -> None:
    record = play(CASES[number], stage, secrets.randbelow(10**6))
    print(f"case {number} seed {record['seed']}: {record['figures']}")
    assert record["outcome"] == "held", record["findings"] or record["spoiled"]
