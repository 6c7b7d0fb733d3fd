"""HTTP/2 (RFC 9113) as a client speaks it, without I/O: one request at a time on a connection that may be kept.

The framing is h2's work. What a check needs beside it: no response without a status, bounds for what a
server may send beside a response, and a GOAWAY that lets the request under way be finished (section 6.8), after which
h2 would read no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import InvalidBodyLengthError, ProtocolError
from h2.settings import SettingCodes, Settings

from apistatus.probing.hop_plan import RequestImpossible
from apistatus.probing.response_reader import BODILESS, MAX_HEAD_BYTES, MAX_HEADERS

_WINDOW_BYTES: Final = 1 << 22
"""What a server may send before it hears of us, so that distance alone does not slow a body down."""
_FIRST_WINDOW_BYTES: Final = 65_535
_FRAME_HEAD_BYTES: Final = 9
_MOST_FRAME_BYTES: Final = 16_384
_GOAWAY: Final = 7
_GOAWAY_BYTES: Final = 8
_MOST_ID: Final = 2**31 - 1
_STATUS: Final = re.compile(rb"[2-9][0-9]{2}")
# RFC 9113, section 8.2.2: what speaks of a connection has no place in HTTP/2. Host is :authority.
_NOT_SENT: Final = frozenset(
    (b"connection", b"host", b"http2-settings", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding",
     b"upgrade")
)  # fmt: skip


class NotHttp2(Exception):
    """What the peer says is no proper HTTP/2: half a sentence for people."""


class TurnedAway(Exception):
    """The peer ended the request or the connection, in the language of HTTP/2: half a sentence for people."""


class Head(NamedTuple):
    """Status and headers of a response, names in lower case."""

    status: int
    headers: list[tuple[bytes, bytes]]


class Http2:
    """A connection's state. `to_send` may have something to say after every call."""

    def __init__(self) -> None:
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._h2.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW_BYTES,
                SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD_BYTES,
            },
        )
        self._h2.decoder.max_header_list_size = MAX_HEAD_BYTES
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_WINDOW_BYTES - _FIRST_WINDOW_BYTES)
        self._frames = _Frames()
        self._stream = 0
        self._body = memoryview(b"")
        self._only_head = False
        self._status = 0
        self._length: int | None = None
        self._heard_bytes = self._beside_bytes = self._body_bytes = 0
        self.is_whole = False
        """True once the response has been taken in to its end."""

    @property
    def can_go_on(self) -> bool:
        """True when another request may follow."""
        return self.is_whole and not self._body and not self._frames.said_goodbye

    def to_send(self) -> bytes:
        """What has to go out by now."""
        return self._h2.data_to_send()

    def ask(self, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """Begin a request: pseudo-headers first, then what `fields` leaves of the others. Raises RequestImpossible."""
        self.is_whole, self._status, self._length = False, 0, None
        self._beside_bytes = self._body_bytes = 0
        self._only_head = (b":method", b"HEAD") in headers
        self._body = memoryview(body)
        try:
            self._stream = self._h2.get_next_available_stream_id()
            self._h2.send_headers(self._stream, headers, end_stream=not body)
            self._upload()
        except ProtocolError as error:
            raise RequestImpossible(str(error)) from error

    def take_in(self, data: bytes) -> Iterator[Head | bytes]:
        """What of the response is among the next bytes: its head, once, and pieces of its body.

        Raises NotHttp2, TurnedAway.
        """
        if not self._heard_bytes and data.startswith(b"HTTP/"):
            raise NotHttp2("it answers in HTTP/1")
        self._heard_bytes += len(data)
        self._beside_bytes += len(data)
        for frame in self._frames.of(data):
            for event in self._received(frame):
                found = self._look_at(event) if not self.is_whole else None
                if found:
                    self._beside_bytes = 0
                    yield found
        if self._beside_bytes > MAX_HEAD_BYTES and not self.is_whole:
            raise NotHttp2(f"more than {MAX_HEAD_BYTES} bytes without a byte of the response")

    def hear(self, data: bytes) -> bytes | None:
        """Between two requests: what to answer; None when the connection cannot be used again."""
        try:
            for frame in self._frames.of(data):
                if any(isinstance(event, ConnectionTerminated) for event in self._received(frame)):
                    return None
        except NotHttp2:
            return None
        return None if self._frames.said_goodbye else self.to_send()

    def _received(self, frame: bytes) -> list[Event]:
        try:
            return self._h2.receive_data(frame)
        except ProtocolError as error:
            if isinstance(error, InvalidBodyLengthError) and not self._length_counts:
                return [StreamEnded(stream_id=self._stream)]
            if self.is_whole:
                # Too late to be of the response, and reason enough not to go on.
                self._frames.said_goodbye = True
                return []
            raise NotHttp2(_words(error)) from error

    def _look_at(self, event: Event) -> Head | bytes | None:
        match event:
            case ResponseReceived(stream_id=self._stream, headers=headers):
                return self._head(headers)
            case DataReceived(stream_id=self._stream, data=data):
                self._h2.acknowledge_received_data(event.flow_controlled_length, self._stream)
                self._body_bytes += len(data)
                return data
            case StreamEnded(stream_id=self._stream):
                self._end()
            case StreamReset(stream_id=self._stream, error_code=code):
                if code == ErrorCodes.HTTP_1_1_REQUIRED:
                    raise NotHttp2("it wants HTTP/1.1 for this request (RST_STREAM, HTTP_1_1_REQUIRED)")
                raise TurnedAway(f"ended the request (RST_STREAM, {_name(code)})")
            case ConnectionTerminated(error_code=code):
                raise TurnedAway(f"ended the connection (GOAWAY, {_name(code)})")
            case WindowUpdated() | RemoteSettingsChanged():
                self._upload()
            case _:
                pass
        return None

    def _head(self, headers: Iterable[tuple[bytes, bytes]]) -> Head:
        found = [(bytes(name), bytes(value)) for name, value in headers]
        statuses = [value for name, value in found if name == b":status"]
        if len(statuses) != 1 or not _STATUS.fullmatch(statuses[0]):
            raise NotHttp2(
                "its response has no status" if not statuses else f"its status is {statuses[0][:40]!r}"
            )
        if len(found) > MAX_HEADERS:
            raise NotHttp2(f"more than {MAX_HEADERS} headers")
        self._status = int(statuses[0])
        plain = [pair for pair in found if not pair[0].startswith(b":")]
        lengths = {value for name, value in plain if name == b"content-length"}
        self._length = int(lengths.pop()) if lengths else None
        return Head(self._status, plain)

    @property
    def _length_counts(self) -> bool:
        """False where the length is that of a body which is not sent (RFC 9110, section 8.6)."""
        return not self._only_head and self._status not in BODILESS

    def _end(self) -> None:
        if self._length is not None and self._length_counts and self._length != self._body_bytes:
            # h2 does not look at a body that ends before it has begun.
            raise NotHttp2(f"its body has {self._body_bytes} bytes, and its head names {self._length}")
        self.is_whole = True

    def _upload(self) -> None:
        """Hand over what the peer's windows have room for."""
        while self._body:
            room = min(self._h2.local_flow_control_window(self._stream), self._h2.max_outbound_frame_size)
            if room <= 0:
                return
            piece, self._body = self._body[:room], self._body[room:]
            self._h2.send_data(self._stream, bytes(piece), end_stream=not self._body)


class _Frames:
    """Bytes cut into frames, without a GOAWAY that does not concern the request under way: those with an error
    or that name no request stay."""

    def __init__(self) -> None:
        self._rest = b""
        self.said_goodbye = False
        """True once the peer wants no further request."""

    def of(self, data: bytes) -> Iterator[bytes]:
        """The frames that are whole by now. Raises NotHttp2."""
        data = self._rest + data
        at = 0
        while len(data) - at >= _FRAME_HEAD_BYTES:
            length = int.from_bytes(data[at : at + 3])
            if length > _MOST_FRAME_BYTES:
                raise NotHttp2(f"a frame of {length} bytes, where {_MOST_FRAME_BYTES} are allowed")
            end = at + _FRAME_HEAD_BYTES + length
            if end > len(data):
                break
            frame = data[at:end]
            at = end
            if self._lets_us_finish(frame):
                self.said_goodbye = True
            else:
                self._rest = data[at:]
                yield frame
        self._rest = data[at:]

    @staticmethod
    def _lets_us_finish(frame: bytes) -> bool:
        payload = frame[_FRAME_HEAD_BYTES:]
        if frame[3] != _GOAWAY or len(payload) < _GOAWAY_BYTES:
            return False
        return int.from_bytes(payload[:4]) & _MOST_ID > 0 and not any(payload[4:8])


def fields(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Headers of HTTP/1.1 as HTTP/2 has them."""
    for name, value in headers:
        lower = name.lower()
        if lower not in _NOT_SENT or (lower == b"te" and value.strip().lower() == b"trailers"):
            yield lower, value


def _words(error: ProtocolError) -> str:
    if isinstance(error, InvalidBodyLengthError):
        return f"its body has {error.actual_length} bytes, and its head names {error.expected_length}"
    # Some name an object of Python.
    return str(error).partition(" from <")[0][:200] or type(error).__name__


def _name(code: int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else f"code {code}"
