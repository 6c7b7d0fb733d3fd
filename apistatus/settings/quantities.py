"""Durations, sizes and the other small grammars that settings and reader file share.

Every function takes text, returns the value, and raises ValueError with half a sentence for people,
to be put behind the name of the variable or key. The text itself is not repeated: it may be a secret.
"""

from __future__ import annotations

import re
from decimal import Decimal
from ipaddress import ip_address
from typing import Final

_UNITS_US: Final = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "": 1_000_000,
}
_DURATION: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?(ms|s|m|h|d|)")
_UNITS_BYTES: Final = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?(kB|MB|GB|KiB|MiB|GiB|B|)")
_HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[^\s:\[\]/@]+):([0-9]{1,5})", re.ASCII)


def duration_us(text: str) -> int:
    """Microseconds of `500ms`, `5s`, `2m`, `1h`, `7d` or a number of seconds."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("is not a duration; write 500ms, 5s, 2m, 1h or a number of seconds")
    return int(Decimal(match[1]) * _UNITS_US[match[2]])


def duration_within(text: str, least: str, most: str) -> int:
    """Microseconds of a duration from `least` to `most`, both included."""
    value_us = duration_us(text)
    if not duration_us(least) <= value_us <= duration_us(most):
        raise ValueError(f"must be from {least} to {most}")
    return value_us


def size_bytes(text: str) -> int:
    """Bytes of `64KiB`, `1MiB`, `1GiB`, `500kB`, `1MB` or a plain number."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("is not a size; write 64KiB, 1MiB, 10MB or a number of bytes")
    return int(Decimal(match[1]) * _UNITS_BYTES[match[2]])


def whole_number(text: str, least: int, most: int) -> int:
    """An integer from `least` to `most`, both included."""
    if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
        raise ValueError(f"must be a whole number from {least} to {most}")
    return int(text)


def truth(text: str) -> bool:
    """True or false, in the spellings people use in environments."""
    lowered = text.lower()
    if lowered in {"true", "1", "yes", "on"}:
        return True
    if lowered in {"false", "0", "no", "off"}:
        return False
    raise ValueError("must be true or false")


def host_and_port(text: str) -> tuple[str, int]:
    """Host (an IPv6 address without its brackets) and port, 0 to 65535."""
    match = _HOST_PORT.fullmatch(text)
    if match is None or int(match[2]) > 65_535:
        raise ValueError("must be HOST:PORT, like 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080")
    return match[1].strip("[]"), int(match[2])


def ip_and_port(text: str, port: int) -> str:
    """`192.0.2.53:53` or `[2001:db8::53]:53` of an address with or without a port, which else is `port`."""
    try:
        address = ip_address(text)
    except ValueError:
        host, port = host_and_port(text)
        address = ip_address(host)
    if not port:
        raise ValueError("must not have port 0")
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def nearest(name: str, known: list[str]) -> str:
    """`; did you mean X?` for the closest of `known`, empty when none is close."""
    from difflib import get_close_matches

    found = get_close_matches(name[:100], known, n=1)
    return f"; did you mean {found[0]}?" if found else ""
