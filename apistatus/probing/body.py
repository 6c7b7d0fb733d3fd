"""A body as text, and a piece of it as a value that a result can carry."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
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
_BOM_STARTS: Final = frozenset(mark[:1] for mark, _ in _BOMS)
# Python's codecs of these names are no charsets, and some are slow on purpose-made bytes.
_NO_CHARSETS: Final = frozenset(
    ("idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7")
)


# HTML standard, "prescan a byte stream to determine its encoding": the first 1,024 bytes count.
_PRESCAN_BYTES: Final = 1_024
_DECLARED: Final = re.compile(
    rb"""(?i)<(?:meta[^>]{0,200}?\scharset|meta[^>]{0,200}?[;"'\s]charset|\?xml[^>]{0,200}?\sencoding)"""
    rb"""\s{0,9}=\s{0,9}["']?\s{0,9}([a-z0-9_.:-]{1,40})"""
)
_LAST_RESORT: Final = "cp1252"
"""What the HTML standard takes bytes for that are not UTF-8 and say nothing of themselves."""


class ExtractFailed(Exception):
    """The wanted element is not there, not once, or the body is not what it should be: a line for people."""


class Missing(ExtractFailed):
    """The wanted element is not there, in a body that is what it should be."""


def encoding_of(body: bytes, charset: str | None) -> str | None:
    """Python's name for the encoding: a byte order mark first, then the header's charset if it is one.

    None when neither says anything usable.
    """
    if body[:1] in _BOM_STARTS:
        for mark, name in _BOMS:
            if body.startswith(mark):
                return name
    return _codec_of(charset) if charset else None


@lru_cache(maxsize=256)
def _codec_of(charset: str) -> str | None:
    try:
        found = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return None
    return None if found.replace("_", "-") in _NO_CHARSETS else found


def text_of(body: bytes, charset: str | None) -> str:
    """The body as text: by its byte order mark, the header's charset, its own `<meta>` or XML declaration,
    as UTF-8 when it is that, else as windows-1252. What does not decode becomes U+FFFD."""
    name = encoding_of(body, charset) or _declared(body)
    try:
        return body.decode(name or "utf-8", "replace" if name else "strict")
    except (LookupError, UnicodeError):
        # LookupError: a codec from bytes to bytes, such as "zip".
        pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode(_LAST_RESORT, "replace")


def _declared(body: bytes) -> str | None:
    found = _DECLARED.search(body, 0, _PRESCAN_BYTES) if b"<" in body[:_PRESCAN_BYTES] else None
    name = encoding_of(b"", found[1].decode("ascii")) if found else None
    # A document whose declaration can be read as ASCII is not in UTF-16, whatever it says: the HTML standard too.
    return "utf-8" if name is not None and name.startswith(("utf-16", "utf-32")) else name


def as_value(text: str) -> str:
    """`text` as a result may carry it: at most 4,000 characters, the cut marked with an ellipsis;
    NUL and lone surrogates, which PostgreSQL and UTF-8 cannot hold, become U+FFFD."""
    if len(text) > MAX_VALUE_CHARS:
        text = text[: MAX_VALUE_CHARS - 1] + "…"
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
