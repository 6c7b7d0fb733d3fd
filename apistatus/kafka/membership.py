"""Whether the group has given us our share, and what is to be said while it has not."""

from __future__ import annotations

import time
from typing import Final

from apistatus.kafka.diagnosis import Diagnosis
from apistatus.runtime.logs import Events, OncePerMinute
from apistatus.settings.schema import KafkaSettings

log = Events("kafka")

_JOIN_S: Final = 60.0
"""Who is assigned nothing in so long has no broker, or one that does not know the group protocol."""


class Membership:
    """From each `wait` on it waits for `assigned`."""

    def __init__(self, settings: KafkaSettings, diagnosis: Diagnosis) -> None:
        self._settings, self._diagnosis = settings, diagnosis
        self._once = OncePerMinute()
        self._waiting_since_mono_s: float | None = None
        self.wait()

    def wait(self) -> None:
        """We have no share as yet, or no more."""
        self._waiting_since_mono_s = time.monotonic()

    def assigned(self) -> None:
        """The group has given us a share, even an empty one."""
        self._waiting_since_mono_s = None
        self._diagnosis.clear()

    @property
    def waits_for(self) -> str | None:
        """What we wait for; None while we have our share."""
        if self._waiting_since_mono_s is None:
            return None
        waited_s = time.monotonic() - self._waiting_since_mono_s
        group, reason = self._settings.consumer_group, self._diagnosis.reason()
        return f"no assignment by group '{group}' for {waited_s:.0f} s; {reason}".rstrip("; ")

    def watch(self) -> None:
        """Say it, now and then, when that takes long."""
        since = self._waiting_since_mono_s
        if since is None or (waited_s := time.monotonic() - since) <= _JOIN_S:
            return
        if self._once.admits("no assignment") is not None:
            log.error(
                "group.no_assignment",
                group=self._settings.consumer_group,
                protocol=self._settings.group_protocol,
                seconds=round(waited_s),
                cause=self._diagnosis.reason()
                or "does the cluster know this KAFKA_GROUP_PROTOCOL ('consumer' needs Kafka 4.0)?",
            )
