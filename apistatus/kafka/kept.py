"""A message that the brokers may not have yet."""

from __future__ import annotations

from typing import Final, NamedTuple

from apistatus.ports import End, Headers, OnEnd

_OVERHEAD_BYTES: Final = 270
"""What Python's objects add to a message (measured); librdkafka's queue is bounded by itself."""


class Kept(NamedTuple):
    """A message without a delivery report."""

    key: bytes
    value: bytes
    headers: Headers
    on_end: OnEnd | None
    size_bytes: int
    """What it takes here."""

    def end(self, end: End) -> None:
        """Tell its sender what became of it."""
        if self.on_end is not None:
            self.on_end(end)


def kept(key: bytes, value: bytes, headers: Headers, on_end: OnEnd | None) -> Kept:
    """The message, with its size looked at once."""
    size_bytes = len(key) + len(value) + _OVERHEAD_BYTES
    if headers:
        size_bytes += sum(len(name) + len(content) for name, content in headers)
    return Kept(key, value, headers, on_end, size_bytes)
