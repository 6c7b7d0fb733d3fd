"""One attempt at a check: what was found out so far, whatever ends it."""

from __future__ import annotations

from apistatus.model.check import Check
from apistatus.model.result import Asserted
from apistatus.ports import Clock
from apistatus.probing.exchange import Exchange
from apistatus.probing.masking import Mask, mask_of
from apistatus.probing.timeline import Timeline
from apistatus.probing.tls_engines import EngineName


class Attempt:
    """The facts of one attempt; those of the last hop where a redirect was followed."""

    __slots__ = (
        "_mask",
        "asserted",
        "certificate_expires_at_us",
        "check",
        "clock",
        "engine",
        "exchange",
        "final",
        "has_kernel_clock",
        "headers",
        "host",
        "http_version",
        "ip",
        "lagged",
        "port",
        "redirects",
        "reused",
        "size_bytes",
        "status_code",
        "timeline",
        "tls_name",
        "total_us",
        "unreadable",
        "value",
        "value_before",
    )  # fmt: skip

    def __init__(self, check: Check, clock: Clock) -> None:
        self.check = check
        self.clock = clock
        self.headers = check.headers if check.credentials is None else check.credentials.headers()
        self.timeline = Timeline()
        self.host = ""
        self.port = 0
        self.ip: str | None = None
        self.exchange: Exchange | None = None
        self.tls_name = ""
        """What the certificate is held against."""
        self.engine: EngineName | None = None
        """Whose verdict on TLS it is; None while there was no TLS."""
        self.reused = False
        self.lagged = False
        """True when our event loop was too busy to look at once at what the target sent."""
        self.has_kernel_clock = False
        """True when connections and first and last bytes were stamped by the kernel."""
        self.certificate_expires_at_us: int | None = None
        self.http_version: str | None = None
        self.status_code: int | None = None
        self.final = False
        """True once the status that counts is there: that of a response which is not followed."""
        self.redirects = 0
        self.size_bytes: int | None = None
        self.value: str | None = None
        self.value_before: str | None = None
        """The value of the check's last answer, when that was another and the check wants to know."""
        self.asserted: tuple[Asserted, ...] = ()
        self.unreadable = False
        """True when the first assertion that counts against the check could not be read off the body."""
        self._mask: Mask | None = None
        self.total_us: int | None = None

    @property
    def address(self) -> str:
        """`ip:port` of the address in use, `host:port` while there is none."""
        where = self.ip or self.host
        return f"[{where}]:{self.port}" if ":" in where else f"{where}:{self.port}"

    @property
    def mask(self) -> Mask:
        """Hides what the check sends and nobody else should see."""
        if self._mask is None:
            self._mask = mask_of(self.check, self.headers)
        return self._mask

    def certificate_left_us(self) -> int | None:
        """Microseconds to the earliest end of a certificate; None when none was served."""
        ends = self.certificate_expires_at_us
        return None if ends is None else ends - self.clock.wall_us()

    def new_hop(self, host: str, port: int) -> None:
        """Forget what belongs to the last hop alone."""
        self.status_code = self.http_version = None
        self.host, self.port, self.ip, self.exchange = host, port, None, None

    def accepts_status(self) -> bool:
        """True when the check expects the status that came."""
        code = self.status_code
        return (
            self.final and code is not None and any(low <= code <= high for low, high in self.check.statuses)
        )
