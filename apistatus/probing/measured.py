"""What is known of an exchange, whoever carries it out: the shape that results are made of."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Protocol

from apistatus.model.result import Phase
from apistatus.probing.connection import Connection
from apistatus.probing.resolve import Address
from apistatus.probing.response_reader import ResponseReader
from apistatus.probing.tls_engines import EngineName


class Measured(Protocol):
    """An exchange, under way or over. Durations are nanoseconds, None until their phase has ended."""

    read_bytes: int
    """How much is read at once; a listener to whom bytes mean work may want less."""

    @property
    def address(self) -> Address | None: ...
    @property
    def connection(self) -> Connection | None:
        """None until a request could go out on it."""

    @property
    def response(self) -> ResponseReader | None: ...
    @property
    def engine(self) -> EngineName | None: ...
    @property
    def tls(self) -> ssl.SSLObject | None: ...
    @property
    def tried(self) -> Sequence[tuple[Address, OSError]]: ...
    @property
    def phase(self) -> Phase: ...
    @property
    def connect_ns(self) -> int | None: ...
    @property
    def tls_ns(self) -> int | None: ...
    @property
    def processing_ns(self) -> int | None: ...
    @property
    def transfer_ns(self) -> int | None: ...
    @property
    def received_bytes(self) -> int: ...
    @property
    def reused(self) -> bool: ...
    @property
    def late_ns(self) -> int: ...
    @property
    def has_kernel_clock(self) -> bool: ...
    @property
    def truncated(self) -> bool: ...
