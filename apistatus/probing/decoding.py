"""A response's body: content codings undone piece by piece, never more than the check allows.

gzip and deflate are asked for, because that is what a target's visitors get: a target that breaks only
when it compresses is down for them. br and zstd are undone when a server sends them: unasked, or because
the check's own Accept-Encoding names them. They are not asked for by default, so that sizes and times of
a check stay what they were.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from apistatus.probing.codings import DECODERS, Decoder
from apistatus.probing.codings import BadCoding as BadCoding

ACCEPT_ENCODING: Final = "gzip, deflate"
_MAX_CODINGS: Final = 3
_STRETCH: Final = 16
"""Pieces, of up to 64 KiB, decoded at one go, in about a millisecond; then others have their turn."""
_SLACK_BYTES: Final = 1_048_576


class TooLarge(Exception):
    """The decoded body is larger than the check allows."""


class CutOff(Exception):
    """The body may have been cut off on its way: half a sentence for people."""


class Body:
    """Takes in the body as it comes. `size_bytes` is what it decodes to; the bytes themselves are kept
    only when `keep` says so.

    What unfolds to very much is decoded in stretches: while `behind`, there is something to `go_on` with.
    """

    def __init__(self, content_encoding: str | None, max_bytes: int, *, keep: bool) -> None:
        """Raises BadCoding when the bytes are wanted and the coding is not one that can be undone."""
        names = [name.strip().lower() for name in (content_encoding or "").split(",")]
        names = [name for name in names if name not in ("", "identity")]
        unknown = next((name for name in names if name not in DECODERS), None)
        if keep and unknown is not None:
            raise BadCoding(f"is encoded as {unknown[:40]}, which was not asked for")
        if len(names) > _MAX_CODINGS:
            raise BadCoding(f"is encoded {len(names)} times over")
        # The last coding named was applied last (RFC 9110, section 8.4).
        self._decoders = [] if unknown else [DECODERS[name]() for name in reversed(names)]
        self._max_bytes = max_bytes
        self._kept: list[bytes] | None = [] if keep else None
        self.encoded = bool(self._decoders)
        self.size_bytes = 0
        self._has_coding = bool(names)
        self._received_bytes = 0
        self._waiting: deque[bytes] = deque()
        self._under_way: Iterator[bytes] | None = None
        self._between_bytes = 0

    @property
    def compressed_bytes(self) -> int | None:
        """What came, coding still on; None when there was no coding, or no body."""
        return self._received_bytes or None if self._has_coding else None

    @property
    def behind(self) -> bool:
        """True while there are bytes that came and are not decoded."""
        return self._under_way is not None or bool(self._waiting)

    def feed(self, data: bytes) -> None:
        """Take in the next bytes. Raises TooLarge, BadCoding."""
        self._received_bytes += len(data)
        if not self._decoders:
            self._take(data)
            return
        self._waiting.append(data)
        self.go_on()

    def go_on(self) -> None:
        """Decode one more stretch of what came. Raises TooLarge, BadCoding."""
        for _ in range(_STRETCH):
            if self._under_way is None:
                if not self._waiting:
                    return
                self._under_way = self._decoded(self._waiting.popleft())
            piece = next(self._under_way, None)
            if piece is None:
                self._under_way = None
            else:
                self._take(piece)

    def finish(self) -> bytes:
        """All of it; empty unless kept. Raises TooLarge, BadCoding: also when it breaks off in its coding."""
        while self.behind:
            self.go_on()
        if any(decoder.unfinished for decoder in self._decoders):
            raise BadCoding("breaks off in the middle of its compression")
        return b"".join(self._kept or ())

    def _take(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        if self.size_bytes > self._max_bytes:
            raise TooLarge
        if self._kept is not None:
            self._kept.append(piece)

    def _decoded(self, data: bytes) -> Iterator[bytes]:
        pieces: Iterator[bytes] = iter((data,))
        for decoder in self._decoders[:-1]:
            pieces = self._counted(_through(decoder, pieces))
        return _through(self._decoders[-1], pieces)

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """What lies between two codings, which is no larger than what is inside unless it is a trap."""
        for piece in pieces:
            self._between_bytes += len(piece)
            if self._between_bytes > self._max_bytes * 2 + _SLACK_BYTES:
                raise TooLarge
            yield piece


def _through(decoder: Decoder, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from decoder.pieces(piece)
        # A piece of an outer coding that comes to nothing is work as well, and there may be millions of them.
        yield b""
