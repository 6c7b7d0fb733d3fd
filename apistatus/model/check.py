"""A check: one endpoint to watch, complete and validated; nothing of it is looked up later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Extractor(Protocol):
    """A compiled `json_path` or `regex`: takes the one wanted element out of a body.

    Returns the value as JSON text (numbers, booleans, objects, null) or as the string itself.
    Raises `probing.extract.ExtractFailed` with a line for people when there is not exactly one.
    """

    source: str

    def __call__(self, body: bytes, charset: str | None) -> str: ...


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
    extractor: Extractor | None = None
    tls: TlsOptions = TlsOptions()
    max_body_bytes: int = 1_048_576
