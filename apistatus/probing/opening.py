"""From addresses to a connection that can carry a request: connect, then the TLS handshake."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Final

from apistatus.model.result import Phase
from apistatus.probing.connection import Connection
from apistatus.probing.dialing import Dialing
from apistatus.probing.exchange_errors import HandshakeClosed
from apistatus.probing.exchange_plan import Plan
from apistatus.probing.resolve import Address
from apistatus.probing.stamps import Arrivals
from apistatus.probing.tls_engines import EngineName, translated

_READ_BYTES: Final = 16_384


class Opening:
    """Ends with exactly one call of `on_open(connection)` or `on_failed(error)`, unless stopped.

    A handshake that fails is tried again with the plan's next engine, on a connection of its own to the same
    address: the verdict and the times of the last one count. Where the last one refuses a certificate and
    cannot tell of it, one more connection, with the plan's witness, gets it, and changes nothing else. The last
    flight of the handshake is left in the connection's `encrypted_out`, to go out with the request.
    """

    __slots__ = (
        "_arrivals", "_connection", "_deadline_s", "_dialing", "_engine", "_flushed_ns", "_loop", "_on_failed",
        "_on_open", "_plan", "_sent_ns", "_unsent", "address", "connect_ns", "phase", "refused", "tls",
        "tls_ns", "tried",
    )  # fmt: skip

    def __init__(
        self, plan: Plan, arrivals: Arrivals, deadline_s: float, loop: asyncio.AbstractEventLoop, *,
        on_open: Callable[[Connection], None], on_failed: Callable[[Exception], None],
    ) -> None:  # fmt: skip
        self._plan = plan
        self._arrivals = arrivals
        self._deadline_s = deadline_s
        self._loop = loop
        self._on_open = on_open
        self._on_failed = on_failed
        self._engine = 0
        self._dialing: Dialing | None = None
        self._connection: Connection | None = None
        self._sent_ns = self._flushed_ns = 0
        self._unsent = b""
        self.address: Address | None = None
        self.phase: Phase = "connect"
        self.connect_ns: int | None = None
        self.tls: ssl.SSLObject | None = None
        """The TLS object, also after a handshake that failed."""
        self.tls_ns: int | None = None
        self.tried: list[tuple[Address, OSError]] = []
        """Addresses that could not be connected to, and what they said."""
        self.refused: Exception | None = None
        """What the last engine refused a certificate with: the verdict, whatever `on_failed` or `stop` say of
        the look at it."""

    @property
    def asked_ns(self) -> int:
        """When the peer was last sent something (monotonic): a SYN, or a flight of the handshake."""
        return self._flushed_ns if self._dialing is None else self._dialing.began_ns

    @property
    def engine(self) -> EngineName | None:
        """The engine that sees to TLS; None for plain HTTP."""
        return self._plan.engines[self._engine][0] if self._plan.engines else None

    def start(self, addresses: Sequence[Address]) -> None:
        """Begin. Callbacks may come before this returns."""
        self._dialing = dialing = Dialing(
            addresses, self._deadline_s, self._loop, on_connected=self._connected, on_failed=self._on_failed
        )
        self.tried = dialing.tried
        self.address = dialing.address
        dialing.start()

    def stop(self) -> None:
        """Close what is being made."""
        if self._dialing is not None:
            self.address = self._dialing.address
            self._dialing.stop()
            self._dialing = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self, connection: Connection) -> None:
        dialing, self._dialing = self._dialing, None
        assert dialing is not None
        if self.refused is None:
            self.address, self.connect_ns = connection.address, dialing.connect_ns
        if not dialing.has_kernel_clock:
            self._arrivals.kernel = False
        if not self._plan.engines:
            self._on_open(connection)
            return
        self._connection = connection
        self.phase, self.tls_ns = "tls", 0
        connection.on_readable = self._readable
        connection.on_writable = self._writable
        self._step(self._begin_tls)

    def _begin_tls(self) -> None:
        assert self._connection is not None
        name, context = self._plan.engines[self._engine]
        if self.refused is not None:
            assert self._plan.witness is not None
            context = self._plan.witness
        self.tls = self._connection.speak_tls(name, context, self._plan.server_name)
        if self._connection.encrypted_out.pending:
            # rustls has its greeting ready from the start.
            self._flush()
        else:
            self._shake_hands()

    def _shake_hands(self) -> None:
        connection, tls = self._connection, self.tls
        assert connection is not None
        assert tls is not None
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError:
            # The alert that tells the peer why.
            with contextlib.suppress(OSError):
                self._flush()
            raise
        if self.refused is not None:
            raise self.refused
        connection.note_certificates()
        self._connection = None
        connection.watch(reads=True, writes=False)
        self._on_open(connection)

    def _flush(self) -> None:
        connection = self._connection
        assert connection is not None
        data = self._unsent + connection.encrypted_out.read()
        if not data:
            return
        self._flushed_ns = monotonic_ns()
        self._sent_ns = self._sent_ns or self._flushed_ns
        try:
            sent = connection.sock.send(data)
        except BlockingIOError:
            sent = 0
        self._unsent = data[sent:]
        connection.watch(reads=True, writes=bool(self._unsent))

    def _read(self) -> None:
        connection = self._connection
        assert connection is not None
        data = self._arrivals.read(connection.sock, _READ_BYTES)
        if not data:
            raise connection.broken or HandshakeClosed
        if self._sent_ns:
            self.tls_ns = (self.tls_ns or 0) + max(0, self._arrivals.at_ns - self._sent_ns)
            # What comes in several reads was waited for until the last of them.
            self._sent_ns = self._arrivals.at_ns
        connection.encrypted_in.write(data)
        self._shake_hands()

    def _readable(self) -> None:
        if self._connection is not None:
            self._step(self._read)

    def _writable(self) -> None:
        if self._connection is not None:
            self._step(self._flush)

    def _step(self, step: Callable[[], None]) -> None:
        try:
            step()
        except BlockingIOError:
            return  # the loop called though nothing was there
        except Exception as error:  # noqa: BLE001 - it is handed over, and never raised into the loop
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        connection = self._connection
        if connection is None:
            raise error  # it is not ours: whoever took the connection over raised it
        error = translated(error)
        is_last = self._engine + 1 == len(self._plan.engines)
        is_refusal = isinstance(error, ssl.SSLCertVerificationError) and self.refused is None
        if is_last and is_refusal and self._plan.witness is not None:
            self.refused = error
        elif self.refused is None and not is_last and isinstance(error, (OSError, HandshakeClosed)):
            self._engine += 1
            self.phase, self.connect_ns, self.tls, self.tls_ns = "connect", None, None, None
        else:
            self._on_failed(error)
            return
        self._connection = None
        connection.close()
        self._sent_ns, self._unsent = 0, b""
        self.start((connection.address,))
