"""How an exchange can end without a whole response, beside OSError and ssl.SSLError."""

from __future__ import annotations

from collections.abc import Sequence

from apistatus.probing.resolve import Address


class NotHttp(Exception):
    """What the peer sends is no proper HTTP/1.1: half a sentence for people."""


class EndedEarly(Exception):
    """The peer closed the connection before its response was whole."""


class HandshakeClosed(Exception):
    """The peer closed the connection in the middle of the TLS handshake."""


class ConnectFailed(Exception):
    """No address could be connected to; `tried` is each of them with what it said."""

    def __init__(self, tried: Sequence[tuple[Address, OSError]]) -> None:
        super().__init__("; ".join(f"{address.ip}: {error}" for address, error in tried))
        self.tried = tuple(tried)


class OutOfTime(Exception):
    """The exchange's deadline passed."""


class HeldUp(OutOfTime):
    """It passed before we got to ask: that is our own lateness, and nothing is known of the peer."""

    def __init__(self) -> None:
        super().__init__("this machine held up the check, and its timeout passed before the target was asked")


class ClosedByUs(Exception):
    """The exchange was given up by whoever had begun it."""
