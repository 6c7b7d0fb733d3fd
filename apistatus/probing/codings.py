"""Content codings undone piece by piece, so that nobody has to hold what a bomb unfolds to.

A decoder yields pieces of about 64 KiB, and does no more work than for those that are taken. What it
holds beside them is the coding's window: 32 KiB of gzip and deflate, 16 MiB of brotli (RFC 7932, section
9.1) and 8 MiB of zstd (RFC 9659, section 3) at the very most.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import brotli  # type: ignore[import-untyped]  # it comes without types

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_STEP_BYTES: Final = 65_536
_WINDOW_LOG: Final = 23


class BadCoding(Exception):
    """The body is not in the coding that its head names: half a sentence for people."""


class Decoder(Protocol):
    """Undoes one coding."""

    @property
    def unfinished(self) -> bool:
        """True while more must come. Nothing at all is fine: HEAD, 204 and 304 have no body."""

    def pieces(self, data: bytes, /) -> Iterator[bytes]:
        """What the next bytes decode to; to be taken to its end before the next call. Raises BadCoding."""


class _Gzip:
    """gzip (RFC 1952): members one after another; bytes after the last one are ignored, as everywhere."""

    name = "gzip"

    def __init__(self) -> None:
        self._zlib = self._fresh()
        self._begun = self._ended = False

    def _fresh(self) -> zlib._Decompress:
        return zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def unfinished(self) -> bool:
        return self._begun and not self._ended

    def pieces(self, data: bytes, /) -> Iterator[bytes]:
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


class _Deflate(_Gzip):
    """deflate: zlib's format (RFC 1950), or bare deflate data, which some servers send under that name."""

    name = "deflate"

    def __init__(self) -> None:
        super().__init__()
        self._head = b""
        self._known = False

    def _fresh(self) -> zlib._Decompress:
        return zlib.decompressobj()

    def pieces(self, data: bytes, /) -> Iterator[bytes]:
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


class _Brotli:
    """br (RFC 7932): one stream, and nothing behind it."""

    def __init__(self) -> None:
        self._brotli = brotli.Decompressor()
        self._begun = False

    @property
    def unfinished(self) -> bool:
        return self._begun and not self._brotli.is_finished()

    def pieces(self, data: bytes, /) -> Iterator[bytes]:
        if not data:
            return
        self._begun = True
        while True:
            try:
                piece: bytes = self._brotli.process(data, output_buffer_limit=_STEP_BYTES)
            except brotli.error as error:
                raise BadCoding("is no valid brotli") from error
            if not piece:
                # Only that tells: it says that it can accept more while it still holds output back.
                return
            yield piece
            data = b""


class _Zstd:
    """zstd (RFC 8878): frames one after another, with windows as small as HTTP wants them (RFC 9659)."""

    def __init__(self) -> None:
        self._zstd = self._fresh()
        self._begun = False

    @staticmethod
    def _fresh() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})

    @property
    def unfinished(self) -> bool:
        return self._begun and not self._zstd.eof

    def pieces(self, data: bytes, /) -> Iterator[bytes]:
        while data or not (self._zstd.eof or self._zstd.needs_input):
            if self._zstd.eof:
                self._zstd = self._fresh()
            self._begun = True
            try:
                piece = self._zstd.decompress(data, _STEP_BYTES)
            except zstd.ZstdError as error:
                raise BadCoding(_zstd_words(error)) from error
            if piece:
                yield piece
            elif not self._zstd.eof:
                return
            data = self._zstd.unused_data if self._zstd.eof else b""


def _zstd_words(error: zstd.ZstdError) -> str:
    if "too much memory" in str(error):
        return "is zstd with a window of more than 8 MiB, which clients need not take (RFC 9659)"
    return "is no valid zstd"


DECODERS: Final[dict[str, Callable[[], Decoder]]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
"""By the name that Content-Encoding has for it, in lower case."""
