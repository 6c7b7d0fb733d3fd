"""A body as text, and a piece of it as a value that a result can carry."""

from __future__ import annotations

import codecs
import re
from typing import Final

from apistatus.model.result import MAX_VALUE_CHARS

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Python's codecs of these names are no charsets, and some are slow on purpose-made bytes.
_NO_CHARSETS: Final = frozenset(
    ("idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7")
)


class ExtractFailed(Exception):
    """The wanted element is not there, not once, or the body is not what it should be: a line for people."""


def encoding_of(body: bytes, charset: str | None) -> str | None:
    """Python's name for the encoding: a byte order mark first, then the header's charset if it is one.

    None when neither says anything usable.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return name
    try:
        found = codecs.lookup(charset).name if charset else None
    except (LookupError, ValueError):
        return None
    if found is None or found.replace("_", "-") in _NO_CHARSETS:
        return None
    return found


def text_of(body: bytes, charset: str | None) -> str:
    """The body as text, UTF-8 when nothing else is said; what does not decode becomes U+FFFD."""
    try:
        return body.decode(encoding_of(body, charset) or "utf-8", "replace")
    except (LookupError, UnicodeError):
        # LookupError: a codec from bytes to bytes, such as "zip".
        return body.decode("utf-8", "replace")


def as_value(text: str) -> str:
    """`text` as a result may carry it: at most 4,000 characters, the cut marked with an ellipsis;
    NUL and lone surrogates, which PostgreSQL and UTF-8 cannot hold, become U+FFFD."""
    if len(text) > MAX_VALUE_CHARS:
        text = text[: MAX_VALUE_CHARS - 1] + "…"
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
