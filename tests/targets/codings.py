"""Content codings: decoded within the limit, asked for or not, and believed when they are whole."""

from __future__ import annotations

import gzip
import struct
import zlib
from functools import lru_cache
from typing import Final

import brotli

from tests.targets import behaviours
from tests.targets.case import BAD_CODING, HELLO, TOO_LARGE, UP, Case
from tests.targets.server import Behaviour, answer, replies

_READ: Final = "json_path: $, max_body_bytes: 200000"
_PACKED: Final = gzip.compress(b"hello", mtime=0)


def encoded(coding: str, body: bytes) -> Behaviour:
    return replies(answer(body, headers=(f"Content-Encoding: {coding}",)))


def _zstd_bomb() -> bytes:
    """A frame that says one byte 128 MiB times: 1,024 blocks of the kind RLE (RFC 8878, 3.1.1)."""
    header = b"\x28\xb5\x2f\xfd\x80\x38" + struct.pack("<I", 1 << 27)
    block = struct.pack("<I", (1 << 17) << 3 | 0b010)[:3] + b"x"
    last = struct.pack("<I", (1 << 17) << 3 | 0b011)[:3] + b"x"
    return header + block * 1_023 + last


def _zstd(text: bytes) -> bytes:
    """A frame of one raw block that says how much is in it (RFC 8878, 3.1.1)."""
    return b"\x28\xb5\x2f\xfd\x20" + bytes((len(text),)) + bytes((len(text) << 3 | 1, 0, 0)) + text


_ZSTD: Final = _zstd(b"hello")


@lru_cache(maxsize=1)
def _brotli_bomb() -> bytes:
    return bytes(brotli.compress(bytes(16 << 20), quality=5, lgwin=18))


def _with_dictionary() -> bytes:
    packer = zlib.compressobj(zdict=b"hello")
    return packer.compress(b"hello") + packer.flush()


CASES: Final = (
    Case("gzip", encoded("gzip", _PACKED), UP, "RFC 9110, 8.4.1.3", HELLO),
    Case("gzip by its old name", encoded("x-gzip", _PACKED), UP, "RFC 9110, 8.4.1.3", HELLO),
    Case("gzip in capitals", encoded("GZIP", _PACKED), UP, "RFC 9110, 8.4.1: not case-sensitive", HELLO),
    Case("gzip of two members", encoded("gzip", gzip.compress(b"he") + gzip.compress(b"llo")), UP, "RFC 1952, 2.2",
         HELLO),
    Case("gzip and bytes behind it", encoded("gzip", _PACKED + b"\0\0"), UP, "RFC 1952, 2.2: padding", HELLO),
    Case("gzip in chunks", replies(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   + b"".join(b"1\r\n%c\r\n" % byte for byte in _PACKED) + b"0\r\n\r\n"), UP,
         "RFC 9112, 7.1", HELLO),
    Case("gzip of nothing", encoded("gzip", b""), UP, "RFC 9110, 8.4: no content, no coding",
         "expect: {body: {equals: ''}}"),
    Case("deflate", encoded("deflate", zlib.compress(b"hello")), UP, "RFC 9110, 8.4.1.2", HELLO),
    Case("deflate without its envelope", encoded("deflate", zlib.compress(b"hello", wbits=-15)), UP,
         "RFC 9110, 8.4.1.2: some send it so", HELLO),
    Case("two codings", encoded("deflate, gzip", gzip.compress(zlib.compress(b"hello"))), UP, "RFC 9110, 8.4", HELLO),
    Case("identity", encoded("identity", b"hello"), UP, "RFC 9110, 12.5.3", HELLO),
    Case("gzip and identity", encoded("gzip, identity", _PACKED), UP, "RFC 9110, 12.5.3", HELLO),
    Case("gzip that is none", behaviours.broken_gzip, BAD_CODING, "RFC 1952, 2.3.1", _READ),
    Case("gzip that is none and is not read", behaviours.broken_gzip, BAD_CODING, "RFC 1952, 2.3.1"),
    Case("gzip with a false sum", encoded("gzip", _PACKED[:-8] + b"\0\0\0\0" + _PACKED[-4:]), BAD_CODING,
         "RFC 1952, 2.3.1: CRC32", _READ),
    Case("gzip with a false size", encoded("gzip", _PACKED[:-4] + b"\x09\0\0\0"), BAD_CODING,
         "RFC 1952, 2.3.1: ISIZE", _READ),
    Case("gzip cut short", behaviours.gzip_cut_short, BAD_CODING, "RFC 1952, 2.3.1", _READ),
    Case("gzip without its last byte", encoded("gzip", _PACKED[:-1]), BAD_CODING, "RFC 1952, 2.3.1", _READ),
    Case("gzip called deflate", encoded("deflate", _PACKED), BAD_CODING, "RFC 9110, 8.4.1.2", _READ),
    Case("deflate called gzip", encoded("gzip", zlib.compress(b"hello")), BAD_CODING, "RFC 9110, 8.4.1.3", _READ),
    Case("deflate with a dictionary", encoded("deflate", _with_dictionary()), BAD_CODING, "RFC 1950, 2.2: FDICT",
         _READ),
    Case("deflate with a false sum", encoded("deflate", zlib.compress(b"hello")[:-1] + b"\0"), BAD_CODING,
         "RFC 1950, 2.2: ADLER32", _READ),
    Case("gzip fifty times over", behaviours.gzip_many_times_over, BAD_CODING, "RFC 9110, 8.4: a limit", _READ),
    Case("brotli, unasked", behaviours.brotli, UP, "RFC 7932; INTERFACE: a body is read as it came", HELLO),
    Case("brotli that is none", encoded("br", b"\xff" * 40), BAD_CODING, "RFC 7932, 9.2", _READ),
    Case("brotli cut short", encoded("br", b"\x0b\x02\x80hell"), BAD_CODING, "RFC 7932, 9", _READ),
    Case("zstd, unasked", encoded("zstd", _ZSTD), UP, "RFC 8878, 3.1", HELLO),
    Case("zstd of two frames", encoded("zstd", _zstd(b"he") + _zstd(b"llo")), UP, "RFC 8878, 3.1", HELLO),
    Case("zstd and a frame to be skipped", encoded("zstd", b"\x50\x2a\x4d\x18\x02\0\0\0xx" + _ZSTD), UP,
         "RFC 8878, 3.1.2", HELLO),
    Case("zstd that is none", encoded("zstd", b"hello"), BAD_CODING, "RFC 8878, 3.1.1", _READ),
    Case("zstd cut short", encoded("zstd", _ZSTD[:-1]), BAD_CODING, "RFC 8878, 3.1.1", _READ),
    Case("zstd with a window of 1 GiB", encoded("zstd", b"\x28\xb5\x2f\xfd\x00\xa0" + _ZSTD[6:]), BAD_CODING,
         "RFC 9659, 3: at most 8 MB", _READ),
    Case("a coding that does not exist", encoded("rot13", b"uryyb"), BAD_CODING, "RFC 9110, 8.4.1", _READ),
    Case("a gzip bomb", behaviours.gzip_bomb, TOO_LARGE, "INTERFACE: max_body_bytes, decoded", _READ),
    Case("a gzip bomb that is not read", behaviours.gzip_bomb, TOO_LARGE, "INTERFACE: max_body_bytes, decoded"),
    Case("a deflate bomb", behaviours.deflate_bomb, TOO_LARGE, "INTERFACE: max_body_bytes, decoded", _READ),
    Case("a gzip bomb in gzip", behaviours.gzip_bomb_in_gzip, TOO_LARGE, "INTERFACE: max_body_bytes, decoded", _READ),
    Case("a brotli bomb", encoded("br", _brotli_bomb()), TOO_LARGE, "INTERFACE: max_body_bytes, decoded", _READ),
    Case("a brotli bomb that is not read", encoded("br", _brotli_bomb()), TOO_LARGE,
         "INTERFACE: max_body_bytes, decoded"),
    Case("a zstd bomb", encoded("zstd", _zstd_bomb()), TOO_LARGE, "INTERFACE: max_body_bytes, decoded", _READ),
    Case("a zstd bomb that is not read", encoded("zstd", _zstd_bomb()), TOO_LARGE,
         "INTERFACE: max_body_bytes, decoded"),
    Case("gzip with a name of 100 kB", encoded("gzip", _PACKED[:3] + b"\x08" + _PACKED[4:10] + b"n" * 100_000 + b"\0"
                                               + _PACKED[10:]), UP, "RFC 1952, 2.3.1: FNAME", HELLO),
)  # fmt: skip
