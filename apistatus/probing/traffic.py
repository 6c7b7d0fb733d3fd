"""What goes out and comes in on a connection, encrypted where it has to be, and when."""

from __future__ import annotations

import socket
import ssl
from time import monotonic_ns
from typing import Final

from apistatus.probing.connection import Connection
from apistatus.probing.stamps import Arrivals
from apistatus.probing.tls_engines import said_goodbye

_RECORD_HEAD_BYTES: Final = 5
_PLAINTEXT_BYTES: Final = 16_384
_ONE_SEGMENT_BYTES: Final = 1_200


class Traffic:
    """One request out and one response in, on a connection that is open.

    The stamp of the first byte is taken by looking before reading, so that a long body does not move it.
    Within TLS the server may send tickets before it answers, so records are read one by one until the
    first of them holds something for us: the stamp is that record's.
    """

    __slots__ = (
        "_arrivals", "_connection", "_left", "_one_by_one", "_unsent", "ended", "first_ns", "last_ns", "sent_ns",
        "truncated",
    )  # fmt: skip

    def __init__(self, connection: Connection, arrivals: Arrivals) -> None:
        self._connection = connection
        self._arrivals = arrivals
        self._unsent: memoryview | None = None
        self.sent_ns = 0
        """Just before the first byte went out (monotonic)."""
        self._left = 0
        """Bytes that the record being read still lacks."""
        self._one_by_one = connection.tls is not None
        self.first_ns = 0
        """Monotonic; 0 while nothing came."""
        self.last_ns = 0
        self.ended = False
        """True once the peer has closed its side."""
        self.truncated = False
        """True when it did so inside TLS without a goodbye (RFC 8446, section 6.1)."""

    @property
    def waits_to_send(self) -> bool:
        """True while the kernel has not taken all of the request."""
        return self._unsent is not None

    def send(self, request: bytes) -> None:
        """Send it, as far as the kernel takes it now. Raises OSError and ssl.SSLError."""
        connection = self._connection
        if len(request) > _ONE_SEGMENT_BYTES:
            # The last segment would wait for the acknowledgement of those before it.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if connection.tls is not None:
            view = memoryview(request)
            while view:
                # rustls takes a part at a time.
                taken = connection.tls.write(view)
                if not taken:
                    raise OSError("TLS takes nothing of the request")
                view = view[taken:]
            # With it goes what is left to say of the handshake.
            request = connection.encrypted_out.read()
        self._unsent = memoryview(request)
        self.sent_ns = monotonic_ns()
        self.push()

    def push(self) -> None:
        """Send more of it. Raises OSError."""
        unsent = self._unsent
        assert unsent is not None
        try:
            sent = self._connection.sock.send(unsent)
        except BlockingIOError:
            return
        self._unsent = unsent[sent:] if sent < len(unsent) else None

    def give_up_sending(self) -> None:
        """Forget the rest of the request: the peer wants no more of it."""
        self._unsent = None

    def read(self, max_bytes: int) -> bytes:
        """What is there of the response, decrypted; empty at its end and when there is only a part of a record.

        Raises BlockingIOError when nothing is there, OSError and ssl.SSLError.
        """
        connection = self._connection
        if connection.tls is None:
            return self._read_plain(connection, max_bytes)
        data = self._read_encrypted(connection, max_bytes)
        if data:
            connection.encrypted_in.write(data)
        elif connection.broken is not None:
            raise connection.broken
        else:
            connection.encrypted_in.write_eof()
        return self.decrypt()

    def decrypt(self) -> bytes:
        """The next plaintext of what was read already; empty when there is no whole record."""
        tls = self._connection.tls
        assert tls is not None
        try:
            data = tls.read(_PLAINTEXT_BYTES)
        except ssl.SSLWantReadError:
            self.ended = said_goodbye(tls)
            return b""
        except ssl.SSLZeroReturnError:
            self.ended = True
            return b""
        except ssl.SSLEOFError:
            self.ended = True
            self.truncated = not said_goodbye(tls)
            return b""
        if not data:
            self.ended = True
        elif self._one_by_one:
            self._one_by_one = False
        return data

    def _read_plain(self, connection: Connection, max_bytes: int) -> bytes:
        arrivals = self._arrivals
        if not self.first_ns and arrivals.read(connection.sock, 1, peek=True):
            self.first_ns = arrivals.at_ns
        data = arrivals.read(connection.sock, max_bytes)
        if data:
            self.last_ns = arrivals.at_ns
        elif connection.broken is not None:
            raise connection.broken
        else:
            self.ended = True
        return data

    def _read_encrypted(self, connection: Connection, max_bytes: int) -> bytes:
        arrivals = self._arrivals
        if self._one_by_one:
            if not self._left:
                head = arrivals.read(connection.sock, _RECORD_HEAD_BYTES, peek=True)
                self.first_ns = arrivals.at_ns
                if len(head) == _RECORD_HEAD_BYTES:
                    self._left = _RECORD_HEAD_BYTES + int.from_bytes(head[3:])
                else:
                    # A record's head in pieces: whoever does that does not care for microseconds.
                    self._one_by_one = False
            max_bytes = self._left or max_bytes
        data = arrivals.read(connection.sock, max_bytes)
        if data:
            self.last_ns = arrivals.at_ns
            self._left = max(0, self._left - len(data))
        return data
