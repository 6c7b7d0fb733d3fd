"""The pages of health and metrics that the running commands serve."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Final

from apistatus.demo.snapshot import Totals

_TIMEOUT_S: Final = 2.0
_MAX_BYTES: Final = 1 << 20

Samples = Mapping[str, float]
"""Metric -> value, summed over labels, NaN left out."""


class Endpoint:
    """The page of health and metrics of a running command."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    def ready(self) -> tuple[bool, str]:
        """Whether it is ready, and what it says."""
        try:
            status, text = self._get("/ready")
        except (OSError, HTTPException) as error:
            return False, str(error)
        return status == 200, text.strip()

    def samples(self) -> Samples | None:
        """Its metrics; None when it does not answer."""
        try:
            status, text = self._get("/metrics")
        except (OSError, HTTPException):
            return None
        return parse_metrics(text) if status == 200 else None

    def _get(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read(_MAX_BYTES).decode(errors="replace")
        finally:
            connection.close()


def parse_metrics(text: str) -> Samples:
    """Samples of Prometheus' text format, summed by name; `apistatus_results_total{status="missed"}` is
    also kept under its full name."""
    samples: dict[str, float] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        full_name, _, number = line.rpartition(" ")
        try:
            value = float(number)
        except ValueError:
            continue
        if math.isnan(value):
            continue
        name = full_name.partition("{")[0]
        for key in {name, full_name}:
            samples[key] = samples.get(key, 0.0) + value
    return samples


def totals(produce: Samples | None, consume: Samples | None) -> Totals:
    """The counts out of both commands' metrics."""
    return Totals(
        produced=_count(produce, "apistatus_results_total"),
        missed=_count(produce, 'apistatus_results_total{status="missed"}'),
        stored=_count(consume, "apistatus_rows_stored_total"),
        lag=_count(consume, "apistatus_consumer_lag_messages", absent=None),
        dead_letters=_count(consume, "apistatus_dead_letters_total"),
        duplicates=_count(consume, "apistatus_rows_duplicate_total"),
    )


def _count(samples: Samples | None, name: str, absent: int | None = 0) -> int | None:
    """A counter with labels is absent until it is first counted up."""
    if samples is None:
        return None
    value = samples.get(name)
    return absent if value is None else int(value)
