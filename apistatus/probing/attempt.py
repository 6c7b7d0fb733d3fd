"""One attempt at a check: what was found out so far, whatever ends it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from apistatus.model.check import Check, LateAuth
from apistatus.model.result import Asserted
from apistatus.ports import Clock
from apistatus.probing.hops import Hops
from apistatus.probing.masking import Mask, mask_of
from apistatus.probing.measured import Measured
from apistatus.probing.redirects import Hop
from apistatus.probing.timeline import Timeline
from apistatus.probing.tls_engines import EngineName

_WORTH_TELLING_US: Final = 50_000


class Attempt:
    """The facts of one attempt; those of the last hop where a redirect was followed."""

    __slots__ = (
        "_mask",
        "asserted",
        "bearer",
        "certificate_expires_at_us",
        "check",
        "clock",
        "compressed_bytes",
        "deadline_s",
        "engine",
        "exchange",
        "final",
        "has_kernel_clock",
        "headers",
        "hops",
        "host",
        "http_version",
        "ip",
        "lagged",
        "late_auth",
        "port",
        "redirects",
        "reused",
        "says_who",
        "secrets",
        "sign",
        "size_bytes",
        "status_code",
        "timeline",
        "tls_name",
        "total_us",
        "unreadable",
        "value",
        "value_before",
        "via",
        "waited_us",
    )  # fmt: skip

    def __init__(self, check: Check, clock: Clock, again: Attempt | None = None) -> None:
        """`again`: what this one repeats with another token, within the same deadline."""
        self.check = check
        self.clock = clock
        credentials = check.credentials
        self.headers = check.headers if credentials is None else credentials.headers()
        self.late_auth: LateAuth | None = check.late_auth if credentials is None else credentials.late_auth()
        self.bearer: str | None = None
        """The token that is sent, where it had to be had first."""
        self.sign: Callable[[Hop], Hop] | None = None
        """Gives a hop the signature that its request needs."""
        self.says_who = True
        """False once a redirect has led away from where that may be said."""
        self.secrets: tuple[str, ...] = again.secrets if again else ()
        """What no line and no value may show, beside what the check itself holds."""
        self.deadline_s: float = again.deadline_s if again else monotonic() + check.timeout_us / 1e6
        """When everything has to be over (`time.monotonic`)."""
        self.waited_us: int = again.waited_us if again else 0
        """How long it took to be able to say who we are."""
        self.timeline = Timeline()
        self.host = ""
        self.port = 0
        self.ip: str | None = None
        self.exchange: Measured | None = None
        self.via = ""
        """`host:port` of the proxy that the target is reached through."""
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
        self.compressed_bytes: int | None = None
        self.hops: Hops | None = None
        """Not None: each hop is noted, to be told of."""
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
        """`ip:port` of the address in use, `host:port` while there is none, and the way there."""
        where = self.ip or self.host
        where = f"[{where}]:{self.port}" if ":" in where else f"{where}:{self.port}"
        return f"{where} through the proxy {self.via}" if self.via else where

    @property
    def mask(self) -> Mask:
        """Hides what the check sends and nobody else should see."""
        if self._mask is None:
            self._mask = mask_of(self.check, self.headers, self.secrets)
        return self._mask

    @property
    def limit(self) -> str:
        """The timeout in words, with what of it went by before the target was asked."""
        text = f"{self.check.timeout_us / 1e6:g} s"
        if self.waited_us < _WORTH_TELLING_US:
            return text
        return f"{text} ({self.waited_us / 1e6:.1f} s of it for the token)"

    def send(self, headers: tuple[tuple[str, str], ...], secrets: tuple[str, ...]) -> None:
        """From here on these are the headers, and nobody should see the secrets in them."""
        self.headers, self.secrets, self._mask = headers, (*self.secrets, *secrets), None

    def signed(self, hop: Hop) -> Hop:
        """The next hop as it is sent: signed when requests are and it still may say who we are."""
        self.says_who = any(name.lower() == "authorization" for name, _ in hop.headers)
        return self.sign(hop) if self.sign is not None and self.says_who else hop

    def certificate_left_us(self) -> int | None:
        """Microseconds to the earliest end of a certificate; None when none was served."""
        ends = self.certificate_expires_at_us
        return None if ends is None else ends - self.clock.wall_us()

    def new_hop(self, host: str, port: int) -> None:
        """Forget what belongs to the last hop alone."""
        self.status_code = self.http_version = None
        self.host, self.port, self.ip, self.exchange = host, port, None, None
        self.via = ""

    def accepts_status(self) -> bool:
        """True when the check expects the status that came."""
        code = self.status_code
        if not self.final or code is None:
            return False
        for low, high in self.check.statuses:  # noqa: SIM110 - asked three times a check, and a generator costs more
            if low <= code <= high:
                return True
        return False
