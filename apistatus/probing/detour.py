"""A hop that a plain exchange does not make: through a proxy, in HTTP/2, or both. What it finds out has the shape
that an exchange's findings have.

What phases contain here, where it is another thing: `connect` runs until the way to the target is open, with what the
proxy needs for that (its TLS, CONNECT, SOCKS); where a proxy forwards plain HTTP, its own connecting is in
`processing`. `tls` is the target's. In HTTP/2 `processing` runs to the last byte of the response's head.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from time import monotonic_ns
from typing import Final

from apistatus.model.result import Phase
from apistatus.probing.attempt import Attempt
from apistatus.probing.connection import Connection
from apistatus.probing.exchange_errors import ClosedByUs, EndedEarly
from apistatus.probing.hop_plan import HopPlan, request_of
from apistatus.probing.http2 import Head, Http2, fields
from apistatus.probing.proxying import AUTHENTICATION_REQUIRED, proxy_headers, wants_credentials
from apistatus.probing.reaching import Reaching
from apistatus.probing.reception import Reception
from apistatus.probing.resolve import Address
from apistatus.probing.response_reader import ResponseReader
from apistatus.probing.streams import Stream
from apistatus.probing.tls_engines import EngineName
from apistatus.probing.tls_files import LivingContexts
from apistatus.probing.way import Way, forwards, lead_through

_READ_BYTES: Final = 16_384


class Line:
    """A connection that a hop is made on, and that may be kept for the next."""

    __slots__ = ("address", "kept_at_ns", "session", "stream")

    def __init__(self, stream: Stream, address: Address | None, session: Http2 | None) -> None:
        self.stream = stream
        self.address = address
        self.session = session
        """Of HTTP/2."""
        self.kept_at_ns = 0

    def rest(self) -> None:
        """Wait for the next hop. Of HTTP/1.1 nothing may come meanwhile."""
        self.stream.rest(self.session.hear if self.session else lambda _data: None)

    def is_idle(self) -> bool:
        """True while it can be used again."""
        return self.stream.connection.is_idle()

    def close(self) -> None:
        self.stream.close()


class Detour:
    """One hop under way: `measured.Measured`. Belongs to the event loop that runs it."""

    has_kernel_clock = False

    def __init__(self, attempt: Attempt, plan: HopPlan, deadline_s: float) -> None:
        assert plan.hop is not None
        self._attempt = attempt
        self._plan = plan
        self._hop = plan.hop
        self._way = Way(attempt, plan, deadline_s)
        self._line: Line | None = None
        self._phase: Phase | None = None
        self._sent_ns = self._first_ns = 0
        self._is_whole = False
        self.response: ResponseReader | None = None
        self.processing_ns: int | None = None
        self.received_bytes = 0
        self.read_bytes = _READ_BYTES
        self.reused = False

    async def open(self, reaching: Reaching, contexts: LivingContexts) -> None:
        """Be connected to the target. Raises what `failures` knows."""
        stream = await self._way.open(reaching, contexts)
        self._line = Line(stream, self._way.address, Http2() if self._plan.road.http2 else None)

    def go_on(self, kept: Line) -> None:
        """Be connected to the target over a line that was kept."""
        kept.stream.go_on()
        self._line, self.reused = kept, True
        if self._plan.road.proxy is not None:
            lead_through(self._attempt, self._plan.road.proxy, self._plan)

    async def speak(self, reception: Reception) -> None:
        """Send the request and hand over the response. Raises what `failures` knows."""
        line = self._line
        assert line is not None
        self._phase = "send"
        if line.session is not None:
            await self._speak_2(line.stream, line.session, reception)
        else:
            await self._speak_1(line.stream, reception)

    def late(self) -> Exception:
        """What it means that the deadline passes now."""
        return self._way.late()

    def cancel(self) -> None:
        """Give it up: whoever waits for it hears ClosedByUs."""
        error = ClosedByUs("the prober was closed")
        self._way.cancel(error)
        if self._line is not None:
            self._line.stream.close(error)

    def end(self) -> Line | None:
        """Nothing more is read. The line, when the next hop can be made on it; else it is closed."""
        line, response = self._line, self.response
        can_go_on = self._is_whole and response is not None and response.can_go_on
        if response is not None:
            # Reader and parser know each other: apart, they need no garbage collection.
            response.close()
        if line is not None and self._is_whole and self._plan.wants_keep_alive:
            can_go_on = line.session.can_go_on if line.session is not None else can_go_on
            if can_go_on and not line.stream.ended and not line.stream.waits_to_send:
                return line
        if self.stream is not None:
            self.stream.close()
        return None

    async def _speak_1(self, stream: Stream, reception: Reception) -> None:
        response = ResponseReader(only_head=self._plan.only_head)
        self._send(stream, self._request())
        while not response.is_whole:
            data = await stream.read(self.read_bytes)
            if not data:
                if not response.ends_with_connection:
                    raise EndedEarly
                return
            self.received_bytes += len(data)
            if self.response is None:
                self.response = response
                self._answered(stream.first_ns)
            had_head = response.has_head
            piece = response.feed(data)
            if response.has_head and not had_head:
                self._look_for_refusal(response)
                if not reception.on_head(response):
                    return
            if piece:
                reception.on_body(piece)
        self._is_whole = True

    async def _speak_2(self, stream: Stream, session: Http2, reception: Reception) -> None:
        hop, url = self._hop, self._hop.url
        headers = request_of(hop).headers.raw
        host = next(value for name, value in headers if name.lower() == b"host")
        pseudo = (
            (b":method", hop.method.encode()), (b":scheme", url.raw_scheme), (b":authority", host),
            (b":path", url.raw_path),
        )  # fmt: skip
        session.ask((*pseudo, *fields(headers)), hop.body or b"")
        self._send(stream, session.to_send())
        while not session.is_whole:
            data = await stream.read(self.read_bytes)
            if not data:
                raise EndedEarly
            for found in session.take_in(data):
                if isinstance(found, Head):
                    self._answered(stream.at_ns)
                    self.received_bytes += sum(len(name) + len(value) for name, value in found.headers)
                    self.response = ResponseReader.of_head(
                        found.status, "2", found.headers, only_head=self._plan.only_head
                    )
                    if not reception.on_head(self.response):
                        return
                else:
                    self.received_bytes += len(found)
                    reception.on_body(found)
            stream.send(session.to_send())
        self._is_whole = True

    def _send(self, stream: Stream, request: bytes) -> None:
        stream.first_ns = 0
        self._sent_ns = monotonic_ns()
        stream.send(request)

    def _request(self) -> bytes:
        """As it goes out in HTTP/1.1: to a proxy that forwards it with the whole URL (RFC 9112, section 3.2.2)."""
        proxy, request, url = self._plan.road.proxy, self._plan.request, self._hop.url
        if proxy is None or not forwards(self._plan):
            return request
        _, _, rest = request.partition(b"\r\n")
        target = b"%s://%s%s" % (url.raw_scheme, url.netloc, url.raw_path)
        line = b"%s %s HTTP/1.1" % (self._hop.method.encode(), target)
        said = (f"{name}: {value}".encode("latin-1") for name, value in proxy_headers(proxy))
        return b"\r\n".join((line, *said, rest))

    def _look_for_refusal(self, response: ResponseReader) -> None:
        proxy = self._plan.road.proxy
        if proxy is not None and forwards(self._plan) and response.status == AUTHENTICATION_REQUIRED:
            raise wants_credentials(proxy)

    def _answered(self, at_ns: int) -> None:
        self._phase, self._first_ns = "transfer", at_ns
        self.processing_ns = max(0, at_ns - self._sent_ns)

    # --- what was found out --------------------------------------------------------------------------

    @property
    def stream(self) -> Stream | None:
        return self._line.stream if self._line is not None else self._way.stream

    @property
    def address(self) -> Address | None:
        """The target's own; None with a proxy, which does not tell."""
        if self._plan.road.proxy is not None:
            return None
        return self._line.address if self._line is not None else self._way.address

    @property
    def connection(self) -> Connection | None:
        return self._line.stream.connection if self._line is not None else None

    @property
    def engine(self) -> EngineName | None:
        is_there = self._line is not None or self._way.phase == "tls"
        return "openssl" if is_there and self._plan.tls is not None else None

    @property
    def tls(self) -> ssl.SSLObject | None:
        return self.stream.tls if self.stream is not None else None

    @property
    def tried(self) -> Sequence[tuple[Address, OSError]]:
        return self._way.tried

    @property
    def phase(self) -> Phase:
        if self._phase == "send" and self.stream is not None and not self.stream.waits_to_send:
            return "processing"
        return self._phase or self._way.phase

    @property
    def connect_ns(self) -> int | None:
        return self._way.connect_ns

    @property
    def tls_ns(self) -> int | None:
        return self._way.tls_ns

    @property
    def transfer_ns(self) -> int | None:
        if not self._first_ns or self.stream is None:
            return None
        return max(0, self.stream.at_ns - self._first_ns)

    @property
    def late_ns(self) -> int:
        return self.stream.late_ns if self.stream is not None else 0

    @property
    def truncated(self) -> bool:
        """False in HTTP/2, which says itself where a body ends."""
        return self.stream is not None and self.stream.truncated and not self._plan.road.http2
