"""What an exchange is given: what to say, and who listens."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Protocol

from apistatus.probing.response_reader import ResponseReader
from apistatus.probing.tls_engines import EngineName


class Listener(Protocol):
    """What an exchange calls. What they raise, `on_end` aside, ends the exchange with that exception."""

    def on_open(self) -> None:
        """There is a connection, TLS and all, and the request goes out."""

    def on_head(self, response: ResponseReader) -> bool:
        """The response has its head; False: the body is not wanted and the exchange is over."""

    def on_body(self, piece: bytes) -> None:
        """The next piece of the body, content coding still on."""

    def on_end(self, error: Exception | None) -> None:
        """Nothing more comes; None: the response is whole, or its body not wanted. Called exactly once."""


class Plan:
    """What is to be said to whom; the same plan may be carried out again and again."""

    __slots__ = ("engines", "keep_alive", "only_head", "request", "server_name", "witness")

    def __init__(
        self, request: bytes, *, only_head: bool = False, keep_alive: bool = False,
        engines: Sequence[tuple[EngineName, ssl.SSLContext]] = (), server_name: str = "",
        witness: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        """`request`: head and body as they go out. `only_head`: it is a HEAD. `keep_alive`: the connection is
        left open where that is possible. `engines`: none for plain HTTP; each further one is a second
        opinion on a failed handshake. `witness`: verifies nothing, for a look at a chain that was refused."""
        self.request = request
        self.only_head = only_head
        self.keep_alive = keep_alive
        self.engines = tuple(engines)
        self.server_name = server_name
        self.witness = witness

    def last_opinion(self) -> Plan | None:
        """The same, with the last engine alone; None when there is no other than the first."""
        if len(self.engines) < 2:
            return None
        return Plan(
            self.request, only_head=self.only_head, keep_alive=self.keep_alive, engines=self.engines[-1:],
            server_name=self.server_name,
        )  # fmt: skip
