"""One attempt at a check: what was found out so far, whatever ends it."""

from __future__ import annotations

from apistatus.model.check import Check
from apistatus.ports import Clock
from apistatus.probing.stream import CheckStream
from apistatus.probing.timeline import Timeline


class Attempt:
    """The facts of one attempt; those of the last hop where a redirect was followed."""

    __slots__ = (
        "certificate_expires_at_us",
        "check",
        "clock",
        "final",
        "host",
        "http_version",
        "ip",
        "port",
        "redirects",
        "size_bytes",
        "status_code",
        "stream",
        "timeline",
        "tls_name",
        "total_us",
        "tried",
        "used_tls",
        "value",
    )  # fmt: skip

    def __init__(self, check: Check, clock: Clock) -> None:
        self.check = check
        self.clock = clock
        self.timeline = Timeline(clock.mono_ns)
        self.host = ""
        self.port = 0
        self.ip: str | None = None
        self.stream: CheckStream | None = None
        self.tried: list[str] = []
        """What went wrong at addresses before the one being tried, a few words each."""
        self.tls_name = ""
        """What the certificate is held against."""
        self.used_tls = False
        self.certificate_expires_at_us: int | None = None
        self.http_version: str | None = None
        self.status_code: int | None = None
        self.final = False
        """True once the status that counts is there: that of a response which is not followed."""
        self.redirects = 0
        self.size_bytes: int | None = None
        self.value: str | None = None
        self.total_us: int | None = None

    @property
    def address(self) -> str:
        """`ip:port` of the address in use, `host:port` while there is none."""
        where = self.ip or self.host
        return f"[{where}]:{self.port}" if ":" in where else f"{where}:{self.port}"

    def new_hop(self, host: str, port: int) -> None:
        """Forget what belongs to the last hop alone."""
        self.status_code = self.http_version = None
        self.host, self.port, self.ip, self.stream = host, port, None, None
        self.tried.clear()

    def remaining_s(self) -> float:
        """Seconds that are left of the attempt's timeout; never negative."""
        return max(0.0, (self.check.timeout_us - self.timeline.elapsed_us()) / 1e6)

    def accepts_status(self) -> bool:
        """True when the check expects the status that came."""
        code = self.status_code
        return (
            self.final and code is not None and any(low <= code <= high for low, high in self.check.statuses)
        )
