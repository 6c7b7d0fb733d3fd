"""A response's body: content codings undone piece by piece, never more than the check allows.

Asked for are gzip and deflate only, because the standard library can undo them with a bound on its
output. They are asked for at all because that is what a target's visitors get: a target that breaks
only when it compresses is down for them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

ACCEPT_ENCODING: Final = "gzip, deflate"
_STEP_BYTES: Final = 65_536
_MAX_CODINGS: Final = 3


class TooLarge(Exception):
    """The decoded body is larger than the check allows."""


class BadCoding(Exception):
    """The body is not in the coding that its head names: half a sentence for people."""


class CutOff(Exception):
    """The body may have been cut off on its way: half a sentence for people."""


class Body:
    """Takes in the body as it comes. `size_bytes` is what it decodes to; the bytes themselves are kept
    only when `keep` says so."""

    def __init__(self, content_encoding: str | None, max_bytes: int, *, keep: bool) -> None:
        """Raises BadCoding when the bytes are wanted and the coding is not one that can be undone."""
        names = [name.strip().lower() for name in (content_encoding or "").split(",")]
        names = [name for name in names if name not in ("", "identity")]
        unknown = next((name for name in names if name not in _DECODERS), None)
        if keep and unknown is not None:
            raise BadCoding(f"is encoded as {unknown[:40]}, which was not asked for")
        if len(names) > _MAX_CODINGS:
            raise BadCoding(f"is encoded {len(names)} times over")
        # The last coding named was applied last (RFC 9110, section 8.4).
        self._inflaters = [] if unknown else [_DECODERS[name]() for name in reversed(names)]
        self._max_bytes = max_bytes
        self._kept: list[bytes] | None = [] if keep else None
        self.encoded = bool(self._inflaters)
        self.size_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take in the next bytes. Raises TooLarge, BadCoding."""
        pieces: Iterable[bytes] = (data,)
        for inflater in self._inflaters:
            pieces = _through(inflater, pieces)
        for piece in pieces:
            self.size_bytes += len(piece)
            if self.size_bytes > self._max_bytes:
                raise TooLarge
            if self._kept is not None:
                self._kept.append(piece)

    def finish(self) -> bytes:
        """All of it; empty unless kept. Raises BadCoding when it breaks off in the middle of its coding."""
        if any(inflater.unfinished for inflater in self._inflaters):
            raise BadCoding("breaks off in the middle of its compression")
        return b"".join(self._kept or ())


def _through(inflater: _Inflater, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from inflater.pieces(piece)


class _Inflater:
    """gzip (RFC 1952): members one after another; bytes after the last one are ignored, as everywhere."""

    name = "gzip"

    def __init__(self) -> None:
        self._zlib = self._fresh()
        self._begun = self._ended = False

    def _fresh(self) -> zlib._Decompress:
        return zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def unfinished(self) -> bool:
        """True while more must come. Nothing at all is fine: HEAD, 204 and 304 have no body."""
        return self._begun and not self._ended

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes decode to, in pieces of a bounded size."""
        while data or not self._ended:
            if self._ended:
                if not self._continues(data):
                    return
                self._zlib, self._ended = self._fresh(), False
            self._begun = self._begun or bool(data)
            try:
                piece = self._zlib.decompress(data, _STEP_BYTES)
            except zlib.error as error:
                raise BadCoding(f"is no valid {self.name}") from error
            if piece:
                yield piece
            if self._zlib.eof:
                data, self._ended = self._zlib.unused_data, True
            else:
                data = self._zlib.unconsumed_tail
                if not data and len(piece) < _STEP_BYTES:
                    return

    def _continues(self, data: bytes, /) -> bool:
        return data.startswith(b"\x1f")


class _Deflate(_Inflater):
    """deflate: zlib's format (RFC 1950), or bare deflate data, which some servers send under that name."""

    name = "deflate"

    def __init__(self) -> None:
        super().__init__()
        self._head = b""
        self._known = False

    def _fresh(self) -> zlib._Decompress:
        return zlib.decompressobj()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if not self._known:
            self._head += data
            if len(self._head) < 2:
                self._begun = bool(self._head)
                return
            self._known, data = True, self._head
            if data[0] & 0x0F != 8 or (data[0] << 8 | data[1]) % 31:
                self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
        yield from super().pieces(data)

    def _continues(self, _data: bytes, /) -> bool:
        return False


_DECODERS: Final[dict[str, type[_Inflater]]] = {
    "gzip": _Inflater,
    "x-gzip": _Inflater,
    "deflate": _Deflate,
}
