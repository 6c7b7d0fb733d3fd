"""Content codings, however they are cut up, and never more than is allowed."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib
from collections import deque
from collections.abc import Callable
from functools import partial

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apistatus.probing.codings import zstd
from apistatus.probing.decoding import BadCoding, Body, TooLarge

# The time of day in it would give every process of the run tests of other names.
zipped = partial(gzip.compress, mtime=0)

TEXT = b"hello, world; " * 500
PACKED = {
    "gzip": zipped(TEXT),
    "x-gzip": zipped(TEXT),
    "deflate": zlib.compress(TEXT),
    "identity": TEXT,
    "": TEXT,
    "GZIP ": zipped(TEXT),
    "deflate, gzip": zipped(zlib.compress(TEXT)),
    "gzip, identity, gzip": zipped(zipped(TEXT)),
    "br": brotli.compress(TEXT),
    "zstd": zstd.compress(TEXT),
    "br, zstd": zstd.compress(brotli.compress(TEXT)),
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": zipped,
    "deflate": zlib.compress,
    "br": partial(brotli.compress, quality=1),
    "zstd": zstd.compress,
}
STEP_BYTES = 98_304
"""Brotli's own buffer grows beyond what it is told, to this much."""
WIDE = zstd.compress(bytes(30_000_000), options={zstd.CompressionParameter.window_log: 25})
BARE_DEFLATE = zlib.compress(TEXT, wbits=-15)


def _decoded(coding: str | None, data: bytes, cut: int = 1 << 20, limit: int = 1 << 20) -> bytes:
    body = Body(coding, limit, keep=True)
    for start in range(0, len(data), cut):
        body.feed(data[start : start + cut])
    content = body.finish()
    assert body.size_bytes == len(content)
    return content


@pytest.mark.parametrize("cut", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("coding", PACKED)
def test_a_coding_is_undone_however_the_body_is_cut_up(coding: str, cut: int) -> None:
    assert _decoded(coding, PACKED[coding], cut) == TEXT


@pytest.mark.parametrize("cut", [1, 2, 7, 1 << 20])
def test_bare_deflate_data_is_understood_too(cut: int) -> None:
    assert _decoded("deflate", BARE_DEFLATE, cut) == TEXT


@pytest.mark.parametrize("cut", [1, 1 << 20])
def test_gzip_members_add_up_and_what_follows_them_is_ignored(cut: int) -> None:
    twice = zipped(b"one") + zipped(b"two")
    assert _decoded("gzip", twice, cut) == b"onetwo"
    assert _decoded("gzip", twice + bytes(9), cut) == b"onetwo"
    assert _decoded("deflate", zlib.compress(b"one") + b"rest", cut) == b"one"


def test_no_body_at_all_is_fine_in_any_coding() -> None:
    for coding in (*PACKED, None):
        assert _decoded(coding, b"") == b""


def test_what_is_not_kept_is_counted() -> None:
    body = Body("gzip", 1 << 20, keep=False)
    body.feed(PACKED["gzip"])
    assert body.finish() == b""
    assert body.size_bytes == len(TEXT)


@pytest.mark.parametrize("coding", PACKERS)
@pytest.mark.parametrize("cut", [1, 100, 1 << 20])
def test_a_bomb_is_stopped_at_the_limit(coding: str, cut: int) -> None:
    packed = PACKERS[coding](bytes(10_000_000))
    body = Body(coding, 1_000, keep=True)
    pieces = [packed[start : start + cut] for start in range(0, len(packed), cut)]
    with pytest.raises(TooLarge):
        deque(map(body.feed, pieces))
    # One step of the decoder, at most.
    assert body.size_bytes <= 1_000 + STEP_BYTES


@pytest.mark.parametrize("size", [32_768, 65_535, 65_536, 65_537, 98_272, 98_273, 131_072, 200_000])
@pytest.mark.parametrize("coding", PACKERS)
def test_output_that_fills_the_decoders_step_exactly_is_not_lost(coding: str, size: int) -> None:
    assert len(_decoded(coding, PACKERS[coding](bytes(size)))) == size


@pytest.mark.parametrize("coding", PACKERS)
def test_what_unfolds_to_very_much_is_decoded_in_stretches(coding: str) -> None:
    size = 20_000_000
    body = Body(coding, 1 << 30, keep=False)
    body.feed(PACKERS[coding](bytes(size)))
    seen = [body.size_bytes]
    while body.behind:
        body.go_on()
        seen.append(body.size_bytes)
    assert seen[-1] == size
    assert max(later - before for before, later in zip([0, *seen], seen, strict=False)) <= 16 * STEP_BYTES
    assert body.finish() == b""


def test_a_bomb_takes_no_memory() -> None:
    bombs = {coding: pack(bytes(50_000_000)) for coding, pack in PACKERS.items()}
    peaks = {}
    for coding, bomb in bombs.items():
        body = Body(coding, 1 << 30, keep=False)
        tracemalloc.start()
        body.feed(bomb)
        body.finish()
        peaks[coding] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert body.size_bytes == 50_000_000
    assert max(peaks.values()) < 2_000_000, peaks


@pytest.mark.parametrize("outer", PACKERS)
def test_a_body_of_a_million_empty_members_ends_at_the_limit(outer: str) -> None:
    empty = zipped(b"")
    packed = PACKERS[outer](empty * 1_000_000)
    with pytest.raises(TooLarge):
        _decoded(f"gzip, {outer}", packed, limit=1_000)


def test_zstd_frames_add_up_and_skippable_ones_are_skipped() -> None:
    skippable = b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"skip"
    for cut in (1, 1 << 20):
        assert _decoded("zstd", zstd.compress(b"one") + skippable + zstd.compress(b"two"), cut) == b"onetwo"


@pytest.mark.parametrize(
    ("coding", "data", "says"),
    [
        ("gzip", b"not gzip at all", "is no valid gzip"),
        ("deflate", b"\xff\xff\xff\xff", "is no valid deflate"),
        ("gzip", PACKED["gzip"][:-1], "breaks off in the middle of its compression"),
        ("gzip", b"\x1f", "breaks off in the middle of its compression"),
        ("deflate", b"\x78", "breaks off in the middle of its compression"),
        ("deflate", PACKED["deflate"][:-1], "breaks off in the middle of its compression"),
        ("br", b"\xff\xff", "is no valid brotli"),
        ("br", PACKED["br"][:-1], "breaks off in the middle of its compression"),
        ("br", PACKED["br"] + b"more", "is no valid brotli"),
        ("gzip, zstd", b"not zstd", "is no valid zstd"),
        ("zstd", PACKED["zstd"][:-1], "breaks off in the middle of its compression"),
        ("zstd", PACKED["zstd"] + b"more", "is no valid zstd"),
        ("zstd", PACKED["zstd"] + PACKED["zstd"][:9], "breaks off in the middle of its compression"),
        ("zstd", WIDE, "a window of more than 8 MiB"),
        ("gzip, compress", b"x", "is encoded as compress, which was not asked for"),
        ("gzip, gzip, gzip, gzip", b"x", "is encoded 4 times over"),
        ("x" * 500, b"x", "is encoded as x{40}, which"),
    ],
)
def test_what_is_not_in_its_coding_is_refused(coding: str, data: bytes, says: str) -> None:
    with pytest.raises(BadCoding, match=says):
        _decoded(coding, data)


def test_an_unknown_coding_is_counted_as_it_came_when_nothing_is_taken_from_it() -> None:
    body = Body("compress", 100, keep=False)
    body.feed(b"12345")
    assert body.finish() == b""
    assert body.size_bytes == 5


@settings(deadline=None)
@given(
    st.sampled_from(["gzip", "deflate", "br", "zstd", "br, gzip"]),
    st.lists(st.binary(max_size=50), max_size=5),
)
def test_no_bytes_raise_anything_but_a_bad_coding(coding: str, pieces: list[bytes]) -> None:
    body = Body(coding, 1_000, keep=True)
    try:
        for piece in pieces:
            body.feed(piece)
        body.finish()
    except (BadCoding, TooLarge):
        pass
    assert body.size_bytes <= 1_000 + STEP_BYTES
