"""How an exchange ends, in the exceptions that httpx's callers know."""

from __future__ import annotations

import ssl
from typing import Final

import httpx

from apistatus.model.result import Phase
from apistatus.probing.exchange_errors import (
    ConnectFailed,
    EndedEarly,
    HandshakeClosed,
    NotHttp,
    OutOfTime,
)

_OPENING: Final = frozenset[Phase](("resolve", "connect", "tls"))


def timed_out(phase: Phase, request: httpx.Request) -> httpx.TimeoutException:
    """The timeout that belongs to the phase in which it passed."""
    if phase in _OPENING:
        return httpx.ConnectTimeout(f"timed out in phase {phase}", request=request)
    if phase == "send":
        return httpx.WriteTimeout("timed out while the request was sent", request=request)
    return httpx.ReadTimeout(f"timed out in phase {phase}", request=request)


def as_httpx(error: Exception, phase: Phase, request: httpx.Request) -> httpx.TransportError:
    """The exception for an exchange that ended in this phase with this error."""
    text = str(error) or type(error).__name__
    match error:
        case OutOfTime():
            return timed_out(phase, request)
        case ConnectFailed() | HandshakeClosed():
            return httpx.ConnectError(text, request=request)
        case NotHttp():
            return httpx.RemoteProtocolError(text, request=request)
        case EndedEarly():
            return httpx.RemoteProtocolError(
                "the connection was closed before the response was whole", request=request
            )
        case ssl.SSLError() | OSError() | ValueError() if phase in _OPENING:
            return httpx.ConnectError(text, request=request)
        case OSError() if phase == "send":
            return httpx.WriteError(text, request=request)
        case _:
            return httpx.ReadError(text, request=request)
