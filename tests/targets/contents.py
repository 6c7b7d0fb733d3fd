"""Bodies that make checks pass by accident elsewhere, each with an expectation and the truth about it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.targets.case import FALSE, UNREADABLE, UP, Case, Truth
from tests.targets.server import answer, replies


class Content(NamedTuple):
    """A body, what is expected of it, and what is to be said."""

    name: str
    body: bytes
    keys: str
    truth: Truth
    headers: tuple[str, ...] = ("Content-Type: application/json",)


# Missing, null and non-numbers: Gatus and cloudprober say up (RFC 8259, 3 and 6).
NUMBERS: Final = (
    Content("missing number", b"{}", "expect: {json: [{path: $.depth, less_than: 100}]}", FALSE),
    Content("null number", b'{"depth": null}', "expect: {json: [{path: $.depth, less_than: 100}]}", FALSE),
    Content("text for a number", b'{"depth": "5"}', "expect: {json: [{path: $.depth, less_than: 100}]}", FALSE),
    Content("boolean for a number", b'{"depth": true}', "expect: {json: [{path: $.depth, less_than: 100}]}", FALSE),
    Content("NaN", b'{"depth": NaN}', "expect: {json: [{path: $.depth, less_than: 100}]}", UNREADABLE),
    Content("Infinity", b'{"depth": -Infinity}', "expect: {json: [{path: $.depth, less_than: 100}]}", UNREADABLE),
    Content("huge exponent", b'{"depth": 1e400}', "expect: {json: [{path: $.depth, less_than: 100}]}", FALSE),
    Content("huge exponent is more", b'{"n": 1e400}', "expect: {json: [{path: $.n, greater_than: 1e399}]}", UP),
    Content("impossible exponent", b'{"n": 1e99999999999999999999}',
            "expect: {json: [{path: $.n, at_least: 0}]}", FALSE),
    Content("minus zero", b'{"n": -0}', "expect: {json: [{path: $.n, equals: 0}]}", UP),
    Content("2**53 + 1", b'{"n": 9007199254740993}', "expect: {json: [{path: $.n, equals: 9007199254740993}]}", UP),
    Content("2**53 is not 2**53 + 1", b'{"n": 9007199254740992}',
            "expect: {json: [{path: $.n, equals: 9007199254740993}]}", FALSE),
    Content("5,000 digits", b'{"n": ' + b"9" * 5_000 + b"}", "expect: {json: [{path: $.n, greater_than: 1e4999}]}", UP),
    Content("a leading zero", b'{"n": 05}', "expect: {json: [{path: $.n, exists: true}]}", UNREADABLE),
    Content("a plus sign", b'{"n": +5}', "expect: {json: [{path: $.n, exists: true}]}", UNREADABLE),
)  # fmt: skip

# What is not JSON, or not one document of it (RFC 8259, 2; RFC 7493, 2.3).
DOCUMENTS: Final = (
    Content("empty", b"", "expect: {json: [{path: $.error, exists: false}]}", UNREADABLE),
    Content("only spaces", b" \r\n", "expect: {json: [{path: $.error, exists: false}]}", UNREADABLE),
    Content("an error page", b"<html>error</html>", "expect: {json: [{path: $.error, exists: false}]}", UNREADABLE),
    Content("broken off", b'{"ok": true, "items": [1, 2', "expect: {json: [{path: $.ok, equals: true}]}", UNREADABLE),
    Content("something behind it", b'{"ok": true} {"ok": false}', "json_path: $.ok", UNREADABLE),
    Content("a trailing comma", b'{"ok": true,}', "json_path: $.ok", UNREADABLE),
    Content("single quotes", b"{'ok': true}", "json_path: $.ok", UNREADABLE),
    Content("a comment", b'{"ok": true} // fine', "json_path: $.ok", UNREADABLE),
    Content("JSON lines", b'{"ok": true}\n{"ok": true}\n', "json_path: $.ok", UNREADABLE),
    Content("JSON behind a guard", b")]}',\n" + b'{"ok": true}', "json_path: $.ok", UNREADABLE),
    Content("a key twice", b'{"ok": false, "ok": true}', "expect: {json: [{path: $.ok, equals: true}]}", UNREADABLE),
    Content("a key twice elsewhere", b'{"ok": true, "x": {"a": 1, "a": 1}}', "json_path: $.ok", UNREADABLE),
    Content("nested too deep", b"[" * 100_000 + b"]" * 100_000, "json_path: $.ok", UNREADABLE),
    Content("nested deep", b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "json_path: $.a", UNREADABLE),
    Content("a raw control character", b'{"ok": "a\nb"}', "json_path: $.ok", UNREADABLE),
    Content("a bad escape", b'{"ok": "\\x41"}', "json_path: $.ok", UNREADABLE),
    Content("invalid UTF-8", b'{"ok": "\xff"}', "json_path: $.ok", UNREADABLE),
    Content("truncated UTF-8", b'{"ok": "\xc3"}', "json_path: $.ok", UNREADABLE),
    Content("a lone surrogate", b'{"ok": "\\ud800"}', "json_path: $.ok, expect: {value: {exists: true}}", UP),
    Content("a NUL", b'{"ok": "\\u0000"}', "json_path: $.ok, expect: {value: {length: {equals: 1}}}", UP),
)  # fmt: skip

# Encodings (RFC 8259, 8.1; HTML, 13.2.3).
ENCODINGS: Final = (
    Content("a BOM", b"\xef\xbb\xbf" + b'{"ok": true}', "expect: {json: [{path: $.ok, equals: true}]}", UP),
    Content("UTF-16", '{"ok": "grün"}'.encode("utf-16"), "expect: {json: [{path: $.ok, equals: grün}]}", UP),
    Content("UTF-16 without a BOM", '{"ok": "grün"}'.encode("utf-16-le"),
            "expect: {json: [{path: $.ok, equals: grün}]}", UP),
    Content("Latin-1 by its header", "grün".encode("latin-1"), "expect: {body: {equals: grün}}", UP,
            ("Content-Type: text/plain; charset=ISO-8859-1",)),
    Content("Latin-1 by its meta", '<meta charset="iso-8859-1">grün'.encode("latin-1"),
            "expect: {body: {contains: grün}}", UP, ("Content-Type: text/html",)),
    Content("windows-1252 by guess", "grün € ok".encode("cp1252"), "expect: {body: {contains: grün €}}", UP,
            ("Content-Type: text/html",)),
    Content("a charset that is none", "grün".encode(), "expect: {body: {contains: grün}}", UP,
            ("Content-Type: text/html; charset=klingon",)),
    Content("the header over the meta", '<meta charset="utf-16">grün'.encode(), "expect: {body: {contains: grün}}", UP,
            ("Content-Type: text/html; charset=utf-8",)),
    Content("JSON in gzip", gzip.compress(b'{"ok": true}'), "expect: {json: [{path: $.ok, equals: true}]}", UP,
            ("Content-Encoding: gzip",)),
)  # fmt: skip

# Elements: none, several, of another kind.
ELEMENTS: Final = (
    Content("no element", b'{"a": 1}', "json_path: $.b", UNREADABLE),
    Content("several elements", b'[{"a": 1}, {"a": 2}]', "json_path: '$[*].a'", UNREADABLE),
    Content("null as the value", b'{"a": null}', "json_path: $.a", UP),
    Content("an object as the value", b'{"a": {"b": 1}}', "json_path: $.a, expect: {value: {equals: {b: 1}}}", UP),
    Content("a missing value that is allowed", b'{"a": 1}', "json_path: $.error, expect: {value: {exists: false}}", UP),
    Content("an empty list", b'{"items": []}', "expect: {json: [{path: $.items, length: {greater_than: 0}}]}", FALSE),
    Content("a text with a length", b'{"items": "abc"}', "expect: {json: [{path: $.items, type: array}]}", FALSE),
    Content("not equal for it is missing", b"{}", "expect: {json: [{path: $.state, not_equals: failed}]}", FALSE),
    Content("not containing for it is missing", b"{}", "expect: {json: [{path: $.s, not_contains: x}]}", FALSE),
    Content("not containing for it is no text", b'{"s": 5}', "expect: {json: [{path: $.s, not_contains: x}]}", FALSE),
    Content("not matching for it is null", b'{"s": null}', "expect: {json: [{path: $.s, not_matches: x}]}", FALSE),
    Content("zero is not false", b'{"ok": 0}', "expect: {json: [{path: $.ok, equals: false}]}", FALSE),
    Content("one is not true", b'{"ok": 1}', "expect: {json: [{path: $.ok, equals: true}]}", FALSE),
    Content("the text true is not true", b'{"ok": "true"}', "expect: {json: [{path: $.ok, equals: true}]}", FALSE),
    Content("1.0 is 1", b'{"n": 1.0}', "expect: {json: [{path: $.n, equals: 1, type: integer}]}", UP),
)  # fmt: skip

# Headers (RFC 9110, 5).
HEADERS: Final = (
    Content("a missing header", b"ok", "expect: {headers: {x-state: {not_equals: bad}}}", FALSE),
    Content("a header in other letters", b"ok", "expect: {headers: {X-State: {equals: good}}}", UP, ("x-STATE: good",)),
    Content("a header twice", b"ok", "expect: {headers: {x: {equals: 'a, b'}}}", UP, ("X: a", "X: b")),
    Content("a number in a header", b"ok", "expect: {headers: {x-left: {at_least: 10}}}", FALSE, ("X-Left: 9",)),
    Content("an empty header", b"ok", "expect: {headers: {x: {exists: true, equals: ''}}}", UP, ("X:",)),
)  # fmt: skip

# Time and size.
LIMITS: Final = (
    Content("a catastrophic pattern", b"a" * 5_000 + b"b", "expect: {body: {matches: '(a|aa)+$'}}", UNREADABLE),
    Content("a catastrophic pattern as the value", b"a" * 5_000 + b"b", "regex: '(a|aa)+$'", UNREADABLE),
    Content("a catastrophic pattern in a path", b'[{"a": "' + b"a" * 5_000 + b'b"}]',
            "expect: {json: [{path: \"$[?(@.a =~ '(a|aa)+$')]\", exists: false}]}", UNREADABLE),
    Content("a large body of small things", b"[" + b"0," * 200_000 + b"0]",
            "expect: {json: [{path: $, length: {equals: 200001}}]}", UP),
    Content("not slower than a minute", b"ok", "expect: {total_ms: {less_than: 60000}}", UP),
    Content("no certificate", b"ok", "expect: {certificate_days: {at_least: 0}}", FALSE),
)  # fmt: skip

# What Gatus's conditions can be led to say (its condition_test.go: hexadecimal, float, len and null cases).
PEERS: Final = (
    Content("a number in hexadecimal", b'{"n": "0x01"}', "expect: {json: [{path: $.n, equals: 1}]}", FALSE),
    Content("a fraction above a whole number", b'{"n": 40000000000.01}',
            "expect: {json: [{path: $.n, greater_than: 40000000000}]}", UP),
    Content("a fraction that is not whole", b'{"n": 0.99}', "expect: {json: [{path: $.n, at_least: 1}]}", FALSE),
    Content("a body that is null", b"null", "expect: {json: [{path: $.n, equals: null}]}", FALSE),
    Content("null where null is expected", b'{"n": null}', "expect: {json: [{path: $.n, equals: null}]}", UP),
    Content("a list where an object was", b"[]", "expect: {json: [{path: $.n, exists: true}]}", FALSE),
    Content("an element of a list that is too short", b"[1]", "expect: {json: [{path: '$[1]', exists: true}]}", FALSE),
    Content("the length of a number", b'{"n": 123}', "expect: {json: [{path: $.n, length: {equals: 3}}]}", FALSE),
    Content("the length of true", b'{"n": true}', "expect: {json: [{path: $.n, length: {equals: 4}}]}", FALSE),
    Content("the length of characters, not bytes", '{"n": "grün"}'.encode(),
            "expect: {json: [{path: $.n, length: {equals: 4}}]}", UP),
    Content("a maintenance page with status 200", b"<h1>Down for maintenance</h1>",
            "expect: {body: {not_contains: maintenance}}", FALSE, ("Content-Type: text/html",)),
    Content("a header that must not match", b"ok", "expect: {headers: {x: {not_matches: bad}}}", FALSE, ("X: bad",)),
    Content("one of two headers that must not match", b"ok", "expect: {headers: {x: {not_matches: bad}}}", FALSE,
            ("X: good", "X: bad")),
    Content("an empty body that must match", b"", "expect: {body: {matches: '^ok'}}", FALSE),
    Content("no match", b"<title>Error</title>", "regex: '<h1>(.*?)</h1>'", UNREADABLE, ("Content-Type: text/html",)),
)  # fmt: skip


def _cases(source: str, contents: tuple[Content, ...]) -> Iterator[Case]:
    for content in contents:
        behaviour = replies(answer(content.body, headers=content.headers))
        yield Case(content.name, behaviour, content.truth, source, content.keys)


CASES: Final = (
    *_cases("RFC 8259, 3 and 6", NUMBERS),
    *_cases("RFC 8259, 2; RFC 7493, 2.3", DOCUMENTS),
    *_cases("RFC 8259, 8.1; HTML, 13.2.3", ENCODINGS),
    *_cases("INTERFACE: a missing path fails every operator except exists: false", ELEMENTS),
    *_cases("RFC 9110, 5.3 and 5.5", HEADERS),
    *_cases("INTERFACE: bounded in time and size", LIMITS),
    *_cases("INTERFACE: numbers compare as numbers, exactly", PEERS),
)
