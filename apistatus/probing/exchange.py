"""One HTTP/1.1 exchange as a state machine of callbacks on the event loop: connect, TLS, send, receive.

No task, future or response object is made for it: the loop calls when the socket is ready, and the exchange
calls its listener when there is a head, a piece of body, or an end. Works on uvloop and asyncio alike.

What each phase contains, so that it tells of the target and not of us:

    connect     SYN to SYN/ACK as the kernel measured it; elsewhere, until the loop saw the connection
    tls         the waits of the handshake, from each flight sent to the last segment of the answer to it:
                the network and the peer's cryptography, without our own
    processing  from just before the request is sent to the arrival of the first byte of the response
    transfer    from there to the arrival of the last byte
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from apistatus.model.result import Phase
from apistatus.probing.connection import Connection
from apistatus.probing.deadlines import LAST_LOOK_S, LATE_S
from apistatus.probing.exchange_errors import ClosedByUs, EndedEarly, HeldUp, OutOfTime
from apistatus.probing.exchange_plan import Listener, Plan
from apistatus.probing.opening import Opening
from apistatus.probing.resolve import Address
from apistatus.probing.response_reader import ResponseReader
from apistatus.probing.stamps import Arrivals
from apistatus.probing.tls_engines import EngineName, translated
from apistatus.probing.traffic import Traffic

_READ_BYTES: Final = 16_384
"""Read at once: a flood of tiny chunks costs far more to take apart than to send, and others wait for it."""
_GONE: Final = frozenset((errno.EPIPE, errno.ECONNRESET))


class Exchange:
    """One exchange under way. Durations are nanoseconds, None until their phase has ended.

    Errors reach the listener as OSError, ssl.SSLError and those of `exchange_errors`.
    """

    __slots__ = (
        "_arrivals", "_deadline_s", "_listener", "_loop", "_opening", "_paused", "_plan", "_timer", "_traffic",
        "address", "connect_ns", "connection", "engine", "kept", "over", "phase", "processing_ns", "read_bytes",
        "received_bytes", "response", "reused", "tls", "tls_ns", "transfer_ns", "tried",
    )  # fmt: skip

    def __init__(
        self, plan: Plan, listener: Listener, *, deadline_s: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        """`deadline_s` is an instant of `time.monotonic`: everything has to be over by then."""
        self._plan = plan
        self._listener: Listener | None = listener
        self._loop = loop
        self._deadline_s = deadline_s
        self._arrivals = Arrivals()
        self._timer: asyncio.TimerHandle | None = None
        self._opening: Opening | None = None
        self._traffic: Traffic | None = None
        self._paused = False
        self.read_bytes = _READ_BYTES
        """How much is read at once; a listener to whom bytes mean work may want less."""
        self.address: Address | None = None
        self.connection: Connection | None = None
        self.response: ResponseReader | None = None
        self.engine: EngineName | None = None
        """Who sees to TLS; None for plain HTTP."""
        self.tls: ssl.SSLObject | None = None
        """The TLS object, also after a handshake that failed."""
        self.tried: Sequence[tuple[Address, OSError]] = ()
        """Addresses that could not be connected to, and what they said."""
        self.phase: Phase = "connect"
        self.connect_ns: int | None = None
        self.tls_ns: int | None = None
        self.processing_ns: int | None = None
        self.transfer_ns: int | None = None
        self.received_bytes = 0
        """Of the response, after TLS."""
        self.reused = self.over = False
        self.kept: Connection | None = None
        """At the end: a connection that can be used again, and is the listener's to keep or to close."""

    @property
    def has_kernel_clock(self) -> bool:
        """True when every stamp so far is the kernel's."""
        return self._arrivals.kernel

    @property
    def late_ns(self) -> int:
        """How late, at worst, we looked at what had come; 0 where the kernel does not stamp."""
        return self._arrivals.late_ns

    @property
    def ended(self) -> bool:
        """True once the peer has closed its side."""
        return self._traffic is not None and self._traffic.ended

    @property
    def truncated(self) -> bool:
        """True when it did so inside TLS without a goodbye, so that somebody else may have."""
        return self._traffic is not None and self._traffic.truncated

    def connect(self, addresses: Sequence[Address]) -> None:
        """Begin, on a connection to the first of these that accepts. May call the listener at once."""
        self._set_timer()
        self._opening = Opening(
            self._plan, self._arrivals, self._deadline_s, self._loop, on_open=self._opened, on_failed=self._end
        )  # fmt: skip
        self._opening.start(addresses)

    def go_on(self, kept: Connection) -> None:
        """Begin, on a connection that was kept. May call the listener at once."""
        self._set_timer()
        self.address, self.engine, self.tls, self.reused = kept.address, kept.engine, kept.tls, True
        self._speak(kept)

    def cancel(self) -> None:
        """Give it up; the listener hears ClosedByUs unless it has heard an end before."""
        self._end(ClosedByUs("the prober was closed"))

    def pause(self) -> None:
        """Read no more until `resume`, for a listener that takes the body slowly."""
        self._paused = True
        self._watch()

    def resume(self) -> None:
        self._paused = False
        self._watch()
        if not self.over and self.tls is not None:
            # What is decrypted already makes no socket readable.
            self._step(self._take_decrypted)

    def _opened(self, connection: Connection) -> None:
        opening, self._opening = self._opening, None
        assert opening is not None
        self._note(opening)
        self._speak(connection)

    def _note(self, opening: Opening) -> None:
        self.address, self.engine, self.tls = opening.address, opening.engine, opening.tls
        self.phase, self.tried = opening.phase, opening.tried
        self.connect_ns, self.tls_ns = opening.connect_ns, opening.tls_ns

    def _speak(self, connection: Connection) -> None:
        self.connection = connection
        self._traffic = Traffic(connection, self._arrivals)
        connection.hand_over(self._readable)
        connection.watch(reads=True, writes=False)
        self._step(self._send)

    # --- send --------------------------------------------------------------------------------------

    def _send(self) -> None:
        traffic, listener, connection = self._traffic, self._listener, self.connection
        assert traffic is not None
        assert listener is not None
        assert connection is not None
        self.phase = "send"
        listener.on_open()
        self._push(lambda: traffic.send(self._plan.request))
        if self.tls is not None and connection.encrypted_in.pending and not self.over:
            # It began to speak before it was asked.
            self._take_decrypted()

    def _push(self, push: Callable[[], None]) -> None:
        traffic = self._traffic
        assert traffic is not None
        try:
            push()
        except OSError as error:
            if error.errno not in _GONE:
                raise
            self._receive_instead(error)
            return
        if not traffic.waits_to_send:
            self.phase = "processing"
        self._watch()

    def _receive_instead(self, error: OSError) -> None:
        """The peer takes no more: it may have answered before it left, and what it said then counts."""
        assert self._traffic is not None
        try:
            self._receive()
        except (OSError, EndedEarly):
            raise error from None
        self._traffic.give_up_sending()
        self._watch()

    # --- receive -----------------------------------------------------------------------------------

    def _receive(self) -> None:
        traffic = self._traffic
        assert traffic is not None
        self._take(traffic.read(self.read_bytes))
        if self.tls is not None and not self.over:
            self._take_decrypted()

    def _take_decrypted(self) -> None:
        traffic = self._traffic
        assert traffic is not None
        while not (self.over or self._paused or traffic.ended):
            data = traffic.decrypt()
            if not data and not traffic.ended:
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        traffic, response, listener = self._traffic, self.response, self._listener
        assert traffic is not None
        assert listener is not None
        if not data:
            if traffic.ended:
                self._ended(response)
            return
        self.received_bytes += len(data)
        if response is None:
            response = self.response = ResponseReader(only_head=self._plan.only_head)
            self.processing_ns = max(0, traffic.first_ns - traffic.sent_ns)
            self.phase = "transfer"
        had_head = response.has_head
        body = response.feed(data)
        if response.has_head and not had_head and not listener.on_head(response):
            self._end(None)
            return
        if body:
            listener.on_body(body)
        if response.is_whole:
            self._end(None)

    def _ended(self, response: ResponseReader | None) -> None:
        if response is None or not response.ends_with_connection:
            raise EndedEarly
        self._end(None)

    # --- the loop's calls --------------------------------------------------------------------------

    def _readable(self) -> None:
        if not self.over:
            self._step(self._receive)

    def _writable(self) -> None:
        traffic = self._traffic
        if traffic is not None and traffic.waits_to_send and not self.over:
            self._step(lambda: self._push(traffic.push))

    def _step(self, step: Callable[[], None]) -> None:
        try:
            step()
        except BlockingIOError:
            return  # the loop called though nothing was there
        except Exception as error:  # noqa: BLE001 - it is handed to the listener, and never raised into the loop
            self._end(translated(error))

    def _watch(self) -> None:
        connection, traffic = self.connection, self._traffic
        if connection is not None and traffic is not None and not self.over:
            waits = traffic.waits_to_send
            if waits:
                connection.on_writable = self._writable
            connection.watch(reads=not self._paused, writes=waits)

    def _set_timer(self) -> None:
        self._timer = self._loop.call_later(max(0.0, self._deadline_s - monotonic()), self._expire)

    def _expire(self) -> None:
        late_s = monotonic() - self._deadline_s
        if late_s < 0.0:
            # uvloop counts in milliseconds, and is early as often as late.
            self._set_timer()
        elif late_s > LATE_S:
            self._timer = self._loop.call_later(LAST_LOOK_S, self._end_late)
        else:
            self._end(OutOfTime())

    def _end_late(self) -> None:
        """The deadline passed while the loop was held up; the sockets had one more look."""
        if self._traffic is not None:
            asked_ns = self._traffic.sent_ns
        else:
            asked_ns = self._opening.asked_ns if self._opening is not None else 0
        self._end(HeldUp() if asked_ns > self._deadline_s * 1e9 else OutOfTime())

    def _end(self, error: Exception | None) -> None:
        if self.over:
            return
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._opening is not None:
            self._opening.stop()
            self._note(self._opening)
            error = self._opening.refused or error
            self._opening = None
        traffic, connection, response = self._traffic, self.connection, self.response
        if connection is not None and traffic is not None:
            if error is None and response is not None and self._can_go_on(response, traffic):
                connection.rest()
                self.kept = connection
            else:
                connection.close()
            if traffic.first_ns:
                self.transfer_ns = max(0, traffic.last_ns - traffic.first_ns)
        if response is not None:
            response.close()
        # Whoever listens knows the exchange: apart, they need no garbage collection.
        listener, self._listener = self._listener, None
        assert listener is not None
        listener.on_end(error)

    def _can_go_on(self, response: ResponseReader, traffic: Traffic) -> bool:
        is_whole = response.is_whole and not traffic.waits_to_send and not traffic.ended
        return self._plan.keep_alive and is_whole and response.can_go_on
