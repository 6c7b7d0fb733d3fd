"""A check: one endpoint to watch, complete and validated; nothing of it is looked up later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from apistatus.model.result import FailureKind, Level

Subject = Literal["headers", "body", "value", "total_ms", "certificate_days", "json"]
"""What an assertion speaks of: the keys of `expect`, `status` and `failure` aside."""
Operator = Literal[
    "equals", "not_equals", "less_than", "at_most", "greater_than", "at_least", "one_of", "contains",
    "not_contains", "matches", "not_matches", "exists", "type",
]  # fmt: skip


class Extractor(Protocol):
    """A compiled `json_path` or `regex`: takes the one wanted element out of a body.

    Returns the value as JSON text (numbers, booleans, objects, null) or as the string itself.
    Raises `probing.extract.ExtractFailed` with a line for people when there is not exactly one.
    """

    source: str

    def __call__(self, body: bytes, charset: str | None) -> str: ...


@dataclass(frozen=True, slots=True)
class Assertion:
    """One operator of `expect` on one subject, complete; `level` is what the check is when it does not hold."""

    subject: Subject
    operator: Operator
    expected: Any = field(repr=False)
    """A value of JSON, numbers as int or Decimal; a compiled regex for `matches`; a truth for `exists`."""
    written: str = field(default="", repr=False)
    """A single value as text, for subjects that are text and have no other type: 5 as `5`."""
    shown: str = ""
    """For people: the value as the file has it, variables unreplaced."""
    level: Level = "down"
    of: str | None = None
    """The header's name, or the path as written."""
    path: Extractor | None = None
    length: bool = False
    """True when the operator is about the subject's length."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What variables brought into it."""


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How a check's TLS connection is verified; equal options share one TLS context."""

    verify: bool = True
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    min_version: str | None = None
    """`1.2` or `1.3`; None leaves it to the TLS library."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Whom a check asks to connect it to its target."""

    scheme: Literal["http", "https", "socks5"]
    host: str
    port: int
    username: str | None = None
    """None: it is not told who we are."""
    password: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """`host:port`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """How a token is had: client credentials of OAuth 2.0 (RFC 6749, section 4.4). Equal grants share one."""

    token_url: str = field(repr=False)
    written_url: str = field(compare=False)
    """The same as the file has it, variables unreplaced."""
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    audience: str | None = None
    client_auth: Literal["basic", "body"] = "basic"
    """Where name and secret of the client go: HTTP Basic, or the form (RFC 6749, section 2.3.1)."""
    tls: TlsOptions = TlsOptions()
    """Of the token endpoint; the check's own options are the target's."""


@dataclass(frozen=True, slots=True)
class AwsSigning:
    """For which service requests are signed (AWS Signature Version 4), and the keys, unless they are looked up."""

    region: str
    service: str
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)


LateAuth: TypeAlias = TokenGrant | AwsSigning
"""Auth that is worked out when an attempt begins: a token to be had, a signature that carries the time."""


class Credentials(Protocol):
    """What proves who we are and may change while we run, like a token in a file."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of the check as they are by now; the last readable ones when a file is away."""

    def late_auth(self) -> LateAuth | None:
        """What of it is worked out when an attempt begins."""

    def secrets(self) -> tuple[str, ...]:
        """What of it no line may show."""


@dataclass(frozen=True, slots=True)
class Check:
    """One endpoint to watch. `site` and `endpoint` are as written in the file (secrets unreplaced);
    `url`, `headers` and `body` are what is really sent and may hold secrets."""

    id: str
    name: str
    url: str = field(repr=False)
    site: str
    endpoint: str
    interval_us: int
    timeout_us: int
    group: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    enabled: bool = True
    sla_ms: int | None = None
    retries: int = 0
    retry_delay_us: int = 1_000_000
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    follow_redirects: bool = True
    max_redirects: int = 10
    statuses: tuple[tuple[int, int], ...] = ((200, 299),)
    """Accepted status codes as inclusive ranges."""
    failures: tuple[FailureKind, ...] = ()
    """Not empty: the check is up when it fails in one of these ways, and only then."""
    assertions: tuple[Assertion, ...] = ()
    extractor: Extractor | None = None
    value_header: str | None = None
    """The response's header that is the value, in place of an extractor."""
    changed: bool = False
    """True: a value that differs from the last one is worth a warning."""
    certificate_days: int | None = 14
    """Fewer days left to the earliest end of a certificate: degraded. None: not looked at."""
    credentials: Credentials | None = field(default=None, repr=False)
    """Stands in place of `headers` and `late_auth` when they may change."""
    late_auth: LateAuth | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Password or token: neither a line nor a value may show it."""
    tls: TlsOptions = TlsOptions()
    max_body_bytes: int = 1_048_576
    ip_family: Literal[4, 6] | None = None
    """Only addresses of this version of IP; None: all of them."""
    connect_to: tuple[str, int] | None = None
    """Host and port to connect to instead of the URL's, for its own origin; all that is said stays the same."""
    proxy: Proxy | None = None
    """For every hop. Names of targets are looked up there."""
    http_version: Literal["1.1", "2"] = "1.1"
    """`2`: every hop has to speak it."""
    keep_alive: bool = False
    """True: a connection may be used again for the next probe, and the result says so."""

    @property
    def reads_body(self) -> bool:
        """True when something is taken out of the body or asserted of it."""
        if self.extractor is not None:
            return True
        return any(assertion.subject in ("body", "json") for assertion in self.assertions)
