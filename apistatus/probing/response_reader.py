"""One HTTP/1.1 response out of bytes as they come, by llhttp; what it lets pass and must not is refused here."""

from __future__ import annotations

import re
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from apistatus.probing.exchange_errors import NotHttp

MAX_HEAD_BYTES: Final = 131_072
"""Heads, interim responses included, may come to this much; framing without a byte of body as well."""
MAX_HEADERS: Final = 1_000
"""Tiny ones take forty times their size in memory."""
BODILESS: Final = frozenset((204, 304))
"""Statuses that have no body (RFC 9110, section 6.4.1)."""
_HTTP: Final = b"HTTP/"
_SHOWN_BYTES: Final = 40
_CUT_WORD: Final = re.compile(rb"\s\S*\Z")
_FOLD: Final = re.compile(rb"\r\n[ \t]+")


def _beginning(data: bytes) -> bytes:
    """The first 40 bytes; fewer where that would leave half a word: half of a secret could not be masked."""
    return data if len(data) <= _SHOWN_BYTES else _CUT_WORD.sub(b"", data[:_SHOWN_BYTES])


def _unfolded(data: bytes) -> bytes:
    """The head with every folded header in one line: a client reads a fold as a space (RFC 9112, section 5.2),
    and llhttp refuses it. A line that begins with a space right below the status line stays what it is."""
    head, end, body = data.partition(b"\r\n\r\n")
    status, line_end, headers = head.partition(b"\r\n")
    return b"".join((status, line_end, _FOLD.sub(b" ", headers), end, body))


class ResponseReader:
    """Feed it what arrives. `has_head` and `is_whole` tell how far the response is.

    Interim responses (1xx) are passed over. Bytes after the end of the response are ignored, but make
    `can_go_on` false: they belong to no request of ours.
    """

    __slots__ = (
        "_fed_bytes", "_framing_bytes", "_interim", "_only_head", "_parser", "_pieces", "can_go_on",
        "has_head", "headers", "is_chunked", "is_whole", "length", "status", "version",
    )  # fmt: skip

    def __init__(self, *, only_head: bool) -> None:
        """`only_head`: the request was HEAD, so no body follows whatever the head says."""
        self._only_head = only_head
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # Transfer-Encoding overrides Content-Length (RFC 9112, section 6.3); llhttp would refuse both.
        self._parser.set_dangerous_leniencies(lenient_chunked_length=True)
        self._fed_bytes = self._framing_bytes = 0
        self._interim = False
        self._pieces: list[bytes] = []
        self.headers: list[tuple[bytes, bytes]] = []
        """In the order they came, names in lower case."""
        self.status = 0
        self.version = ""
        self.length: int | None = None
        self.is_chunked = False
        self.has_head = self.is_whole = self.can_go_on = False

    @classmethod
    def of_head(
        cls, status: int, version: str, headers: list[tuple[bytes, bytes]], *, only_head: bool
    ) -> ResponseReader:
        """A response of another version of HTTP, read elsewhere. Raises NotHttp: its length is no number."""
        response = cls(only_head=only_head)
        response.close()
        response.status, response.version, response.headers = status, version, headers
        response._look_at_framing()
        response.has_head = True
        return response

    @property
    def ends_with_connection(self) -> bool:
        """True when only the end of the connection ends the body."""
        return self.has_head and self.has_body and self.length is None and not self.is_chunked

    @property
    def has_body(self) -> bool:
        """True unless the request or the status forbids a body."""
        return not self._only_head and self.status not in BODILESS

    def header(self, name: bytes) -> str | None:
        """The values of a header, several with commas between; None when there is none."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(value.decode("latin-1") for value in values) if values else None

    def feed(self, data: bytes) -> bytes:
        """Take in the next bytes; what of the body is among them. Raises NotHttp."""
        if not self._fed_bytes and not data.startswith(_HTTP[: len(data)]):
            # Said at once: who speaks something else may well wait for an answer to it.
            raise NotHttp(f"its answer begins with {_beginning(data)!r}")
        self._fed_bytes += len(data)
        self._framing_bytes += len(data)
        if self._parser is None:
            self.can_go_on = False
            return b""
        if not self.has_head and (b"\n " in data or b"\n\t" in data):
            data = _unfolded(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as error:
            raise NotHttp("it switches to another protocol, which nobody asked it to") from error
        except HttpParserError as error:
            if isinstance(error.__context__, NotHttp):
                raise error.__context__ from None
            if not self.is_whole:
                raise NotHttp(str(error)[:200]) from error
            self.can_go_on = False
        if self._pieces:
            self._framing_bytes = 0
            body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._pieces.clear()
            return body
        if self._framing_bytes > MAX_HEAD_BYTES and not self.is_whole:
            what = "between two pieces of its body" if self.has_head else "before any final status"
            raise NotHttp(f"more than {MAX_HEAD_BYTES} bytes {what}")
        return b""

    def close(self) -> None:
        """Nothing more is fed. Reader and parser know each other: apart, they need no garbage collection."""
        self._parser = None

    # --- called by the parser, whatever else comes after the end of the response --------------------

    def on_message_begin(self) -> None:
        if self.is_whole:
            self.can_go_on = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.has_head:
            return
        if len(self.headers) >= MAX_HEADERS:
            raise NotHttp(f"more than {MAX_HEADERS} headers")
        # llhttp leaves a tab behind a value, which is not of it (RFC 9112, section 5.1).
        self.headers.append((name.lower(), value.rstrip(b"\t ")))

    def on_headers_complete(self) -> None:
        if self.has_head:
            return
        assert self._parser is not None
        status = self._parser.get_status_code()
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise NotHttp(f"it answers in HTTP/{version[:8]}")
        if status < 100:
            raise NotHttp(f"its status is {status}")
        if status < 200 and status != 101:
            self._interim = True
            self.headers.clear()
            return
        self.status, self.version = status, version
        self._look_at_framing()
        self.has_head = True
        if not self.has_body:
            self._is_whole(self._parser)

    def on_body(self, piece: bytes) -> None:
        if not self.is_whole:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
        elif not self.is_whole:
            self._is_whole(self._parser)

    def _is_whole(self, parser: HttpResponseParser | None) -> None:
        self.is_whole = True
        self.can_go_on = parser is not None and parser.should_keep_alive()

    def _look_at_framing(self) -> None:
        for name, value in self.headers:
            if name == b"content-length":
                self.length = int(value)
            elif name == b"transfer-encoding":
                if value.strip().lower() != b"chunked":
                    raise NotHttp(f"its transfer encoding is {value[:40]!r}")
                if self.is_chunked:
                    raise NotHttp("its transfer encoding is chunked more than once")
                self.is_chunked = True
