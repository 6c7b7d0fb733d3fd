"""`connectivity` of the reader file: the references that tell whether our own network is there."""

from __future__ import annotations

from typing import Any, Final

from apistatus.settings import reader_values as values
from apistatus.settings import target_urls
from apistatus.settings.reading import BROKEN, At, Broken, Key, read_value

MAX_REFERENCES: Final = 16
"""They are asked all at once, and the first answer is enough."""
_URL_SCHEMA: Final = {"type": "string", "maxLength": target_urls.MAX_URL_CHARS}
SCHEMA: Final[dict[str, Any]] = {
    "description": "URLs that tell whether our own network is there: while none of them answers, what fails "
                   "is inconclusive instead of down",
    "anyOf": [
        _URL_SCHEMA,
        {"type": "array", "minItems": 1, "items": _URL_SCHEMA},
        {"type": "null"},
    ],
}  # fmt: skip


def _urls(at: At) -> tuple[str, ...] | Broken:
    found = [read_value(child, Key(_url, optional=False)) for child in values.each(at)]
    if not found:
        raise ValueError("must name at least one URL; write null for none")
    return BROKEN if BROKEN in found else tuple(found)


def _url(at: At) -> str:
    url = "".join(target_urls.taken_apart(at.text()))
    target_urls.require_usable(url)
    return url


_KEY: Final = Key(_urls, SCHEMA)


class Connectivity:
    """The references of all files, in their order, each one once."""

    def __init__(self) -> None:
        self._urls: dict[str, None] = {}

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(self._urls)

    def add(self, at: At) -> None:
        """Take in the references of one file, or report what is wrong with them."""
        found = read_value(at, _KEY)
        if found is None or found is BROKEN:
            return
        self._urls |= dict.fromkeys(found)
        if len(self._urls) > MAX_REFERENCES:
            at.fail(f"more than {MAX_REFERENCES} references, those of other files included; keep a few")
