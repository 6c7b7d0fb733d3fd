"""What comes in on a connection, decrypted, with the stamps of its first and its last byte."""

from __future__ import annotations

import ssl
from typing import Final

from apistatus.probing.connection import Connection
from apistatus.probing.stamps import Arrivals

_RECORD_HEAD_BYTES: Final = 5
_PLAINTEXT_BYTES: Final = 16_384


class Incoming:
    """Reads a connection after the request has gone out.

    The stamp of the first byte is taken by looking before reading, so that a long body does not move it.
    Within TLS the server may send tickets before it answers, so records are read one by one until the
    first of them holds something for us: the stamp is that record's.
    """

    __slots__ = (
        "_arrivals",
        "_connection",
        "_left",
        "_one_by_one",
        "ended",
        "first_ns",
        "last_ns",
        "truncated",
    )

    def __init__(self, connection: Connection, arrivals: Arrivals) -> None:
        self._connection = connection
        self._arrivals = arrivals
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
            return b""
        except ssl.SSLZeroReturnError:
            self.ended = True
            return b""
        except ssl.SSLEOFError:
            self.ended = self.truncated = True
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
