"""Identity and time of a check's ticks. These functions are for ever: a change moves every schedule."""

from __future__ import annotations

import re
import unicodedata
import uuid
from hashlib import blake2b

from apistatus.model.result import ID_PATTERN


def phase_us(check_id: str, interval_us: int) -> int:
    """Offset of a check's ticks in its interval: BLAKE2b of the id, 8 bytes, big endian, modulo the
    interval. The location is not in it, so all locations probe a check at the same instants."""
    digest = blake2b(check_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % interval_us


def tick_at_or_after(instant_us: int, phase: int, interval_us: int) -> int:
    """First tick `phase + n * interval_us` (UTC microseconds) that is not before `instant_us`."""
    return phase + -(-(instant_us - phase) // interval_us) * interval_us


def slug(name: str) -> str | None:
    """The id of a check that is given none: accents off, lower case, other runs to `-`.

    None when nothing or more than 64 characters would be left: the check needs an `id` of its own.
    """
    letters = (char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    plain = "".join(letters).lower()
    candidate = re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")
    return candidate if re.match(ID_PATTERN, candidate) else None


def event_id(check_id: str, location: str, scheduled_at_us: int) -> str:
    """CloudEvents id of a result: UUIDv5 in the URL namespace, a function of the identity alone."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"apistatus:{check_id}/{location}/{scheduled_at_us}"))
