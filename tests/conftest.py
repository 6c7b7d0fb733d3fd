"""Fixtures live beside the services they start; here they are only named."""

from __future__ import annotations

import importlib.util
import os

import pytest
from hypothesis import settings

# How long an example takes is not what any test is about, and a busy machine may hold one up.
settings.register_profile("apistatus", deadline=None)
settings.load_profile("apistatus")

pytest_plugins = [
    name
    for name in (
        "tests.services.missing",
        "tests.services.kafka_fixtures",
        "tests.services.postgres_fixtures",
    )
    if importlib.util.find_spec(name)
]

_OURS = ("APISTATUS_", "KAFKA_", "PG", "READER_CONF_FILE", "API_READ_INTERVAL_SECS", "APPDB", "LOG_LEVEL")
_FOR_TESTS = ("APISTATUS_TEST_", "APISTATUS_REQUIRE_")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches a test."""
    for name in list(os.environ):
        if name.startswith(_OURS) and not name.startswith(_FOR_TESTS):
            monkeypatch.delenv(name)
