"""What lies in the spool: one message that waits for Kafka, and how it is packed into a row."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any, NamedTuple

from apistatus.ports import Headers

ROW_BYTES = 40
"""What a row costs beside its key, value and headers: numbers, cell header, share of its page."""

_LENGTHS = struct.Struct(">II")
_INSTANT = struct.Struct(">q")


class Entry(NamedTuple):
    """One message as it goes to the topic; `created_us` (UTC microseconds) is kept as it was given."""

    key: bytes
    value: bytes
    headers: Headers = ()
    created_us: int = 0


class Row(NamedTuple):
    """An entry as it is stored. Ids grow in the order of appending and are never used twice in a run;
    `spooled_us` is when it was appended, `crc` covers `created_us`, key, value and headers."""

    id: int
    created_us: int
    spooled_us: int
    cost_bytes: int
    crc: int
    key: bytes
    value: bytes
    headers: bytes | None


@dataclass(frozen=True, slots=True)
class Stats:
    """The spool at one moment. The dropped are counted since the file was first made, over restarts."""

    entries: int
    bytes: int
    oldest_us: int | None
    """`created_us` of the oldest entry."""
    dropped_entries: int
    dropped_bytes: int
    degraded: str | None
    """Why new entries are in memory only; None: they are on disk."""


def pack(entry: Entry, spooled_us: int) -> tuple[int, int, int, int, bytes, bytes, bytes | None]:
    """The fields of an entry's row behind its id. Raises TypeError, struct.error or AttributeError for
    what no row can hold, so that nothing of the kind is found only when it is written."""
    headers = _pack_headers(entry.headers) if entry.headers else None
    cost_bytes = ROW_BYTES + len(entry.key) + len(entry.value) + (len(headers) if headers else 0)
    crc = _crc(entry.created_us, entry.key, entry.value, headers)
    return entry.created_us, spooled_us, cost_bytes, crc, entry.key, entry.value, headers


def unpack(row: Row) -> Entry:
    """The entry of a whole row."""
    return Entry(row.key, row.value, _unpack_headers(row.headers) if row.headers else (), row.created_us)


def is_whole(row: tuple[Any, ...]) -> bool:
    """Whether a row read from a file that may be damaged is what was once packed."""
    numbers, (key, value, headers) = row[:5], row[5:]
    return (
        all(type(number) is int for number in numbers)
        and type(key) is bytes
        and type(value) is bytes
        and (headers is None or type(headers) is bytes)
        and row[3] == ROW_BYTES + len(key) + len(value) + len(headers or b"")
        and row[4] == _crc(row[1], key, value, headers)
    )


def _crc(created_us: int, key: bytes, value: bytes, headers: bytes | None) -> int:
    crc = zlib.crc32(value, zlib.crc32(key, zlib.crc32(_INSTANT.pack(created_us))))
    return zlib.crc32(headers, crc) if headers else crc


def _pack_headers(headers: Headers) -> bytes:
    parts: list[bytes] = []
    for name, value in headers:
        raw = name.encode()
        parts += (_LENGTHS.pack(len(raw), len(value)), raw, value)
    return b"".join(parts)


def _unpack_headers(packed: bytes) -> tuple[tuple[str, bytes], ...]:
    headers, at = [], 0
    while at < len(packed):
        name_bytes, value_bytes = _LENGTHS.unpack_from(packed, at)
        at += _LENGTHS.size
        name = packed[at : at + name_bytes].decode()
        headers.append((name, packed[at + name_bytes : at + name_bytes + value_bytes]))
        at += name_bytes + value_bytes
    return tuple(headers)
