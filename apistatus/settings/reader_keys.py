"""The table of all keys of the reader file: how each is read, and what the JSON Schema says of it."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Final

from apistatus.model.result import FAILURE_KINDS, ID_PATTERN
from apistatus.settings import assertions, target_urls, yaml_tree
from apistatus.settings import reader_values as values
from apistatus.settings.auth_keys import auth_key
from apistatus.settings.proxy_key import proxy
from apistatus.settings.reader_values import VARIABLE
from apistatus.settings.reading import BROKEN, At, Broken, Key, read_keys, read_value

MAX_RETRIES: Final = 100
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
TYPES: Final = ("http", "json", "regex")

_SIZE: Final = r"^[0-9]+(\.[0-9]+)? ?(kB|MB|GB|KiB|MiB|GiB|B)?$"
_DURATION: Final = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(ms|s|m|h|d)?$"}


def _schema(description: str, *forms: dict[str, Any]) -> dict[str, Any]:
    """One of the forms, or null for none."""
    return {"description": description, "anyOf": [*forms, {"type": "null"}]}


def _text(description: str, most: int | None = values.MAX_TEXT_CHARS) -> dict[str, Any]:
    bound = {} if most is None else {"maxLength": most}
    return _schema(description, {"type": ["string", "number"], **bound})


def _count(description: str, least: int, most: int) -> dict[str, Any]:
    return _schema(description, {"type": "integer", "minimum": least, "maximum": most}, VARIABLE)


def _truth(description: str) -> dict[str, Any]:
    return _schema(description, {"type": "boolean"}, VARIABLE)


def _duration(description: str) -> dict[str, Any]:
    return _schema(description, {"type": "number", "minimum": 0}, _DURATION, VARIABLE)


def _word(description: str, words: tuple[Any, ...]) -> dict[str, Any]:
    return _schema(description, {"enum": list(words)}, VARIABLE)


def _object(keys: dict[str, Key]) -> dict[str, Any]:
    properties = {name: dict(key.schema) for name, key in keys.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _id(at: At) -> str:
    text = at.text()
    if not re.match(ID_PATTERN, text):
        raise ValueError("must be 1 to 64 of a-z 0-9 . _ -, a letter or digit first")
    return text


def _nested(at: At, keys: dict[str, Key]) -> dict[str, Any] | Broken:
    """A mapping inside a check; what is wrong in it is reported there."""
    found = read_keys(at, keys)
    wrong = not isinstance(at.node, yaml_tree.Mapping) or BROKEN in found.values()
    return BROKEN if wrong else found


def _host_name(at: At) -> str:
    return target_urls.require_host_name(at.text())


TLS_KEYS: Final[dict[str, Key]] = {
    "verify": Key(values.boolean, _truth("false: take any certificate (default true)")),
    "ca_file": Key(values.path, _text("certificate authority to trust instead of the system's, PEM", None)),
    "cert_file": Key(values.path, _text("our client certificate, PEM", None)),
    "key_file": Key(values.path, _text("its private key, PEM, not encrypted", None)),
    "server_name": Key(_host_name, _text("name to ask for and to verify instead of the URL's host")),
    "min_version": Key(
        partial(values.one_of, values=("1.2", "1.3")),
        _word("oldest version of TLS to accept", ("1.2", "1.3", 1.2, 1.3)),
    ),
}
_TLS: Final = Key(partial(_nested, keys=TLS_KEYS), _schema("how TLS is verified", _object(TLS_KEYS)))
FAILURES: Final = tuple(kind for kind in FAILURE_KINDS if kind not in ("internal", "assertion", "extract"))
"""Those that a target without an answer to be looked at can end in."""


def _failures(at: At) -> Any:
    read = Key(partial(values.one_of, values=FAILURES), optional=False)
    found = [read_value(child, read) for child in values.each(at)]
    if not found:
        raise ValueError("must name at least one kind of failure")
    return BROKEN if BROKEN in found else tuple(dict.fromkeys(found))


def _assertion(description: str, name: str = "assertion") -> dict[str, Any]:
    return _schema(description, {"$ref": f"#/$defs/{name}"})


_FAILURE_SCHEMA: Final = {"enum": list(FAILURES)}
EXPECT_KEYS: Final[dict[str, Key]] = {
    "status": Key(
        values.statuses,
        _schema("accepted status codes: 200, 3xx, 401-403 or a list of these (default 2xx)",
                values.STATUS_SCHEMA, {"type": "array", "minItems": 1, "items": values.STATUS_SCHEMA}),
    ),
    "headers": Key(assertions.headers, _schema("assertions on headers of the response, by name", {
        "type": "object", "propertyNames": {"pattern": f"^{values.TOKEN.pattern}$"},
        "additionalProperties": {"$ref": "#/$defs/assertion"},
    })),
    "body": Key(partial(assertions.text, subject="body"), _assertion("assertions on the body as text")),
    "value": Key(assertions.value, _assertion("assertions on the value of json_path, regex or header")),
    "total_ms": Key(partial(assertions.number, subject="total_ms"),
                    _assertion("assertions on the milliseconds to the last byte", "number_assertion")),
    "certificate_days": Key(partial(assertions.number, subject="certificate_days"),
                            _assertion("assertions on the days until a certificate ends", "number_assertion")),
    "json": Key(assertions.json_elements, _schema("assertions on elements of the body as JSON",
                {"type": "array", "items": {"$ref": "#/$defs/json_assertion"}})),
    "failure": Key(_failures, _schema("how it must fail, like connect_refused: up then, and only then",
                                      _FAILURE_SCHEMA, {"type": "array", "minItems": 1, "items": _FAILURE_SCHEMA})),
}  # fmt: skip


def _header_name(at: At) -> str:
    if not values.TOKEN.fullmatch(at.text()):
        raise ValueError("is not the name of a header (RFC 9110, 5.1)")
    return at.text().lower()


def _connect_to(at: At) -> tuple[str, int]:
    return target_urls.host_and_port(at.text())


def _ip_family(at: At) -> int:
    """4, 6, or 0 for any."""
    return {"any": 0, "4": 4, "6": 6}[values.one_of(at, ("any", "4", "6"))]


IDENTITY_KEYS: Final[dict[str, Key]] = {
    "name": Key(values.line, _text("what people call the check; unique"), optional=False),
    "id": Key(_id, _schema("stable identity, else made from the name; with it a rename keeps the history",
                           {"type": ["string", "integer"], "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"},
                           VARIABLE)),
    "site": Key(At.text, _text("scheme and host, like https://www.example.com", target_urls.MAX_URL_CHARS)),
    "endpoint": Key(At.text, _text("path and query below the site (default /)", target_urls.MAX_URL_CHARS)),
    "url": Key(At.text, _text("the whole address, instead of site and endpoint", target_urls.MAX_URL_CHARS)),
}  # fmt: skip
"""The keys that `defaults` cannot have."""

DEFAULTS_KEYS: Final[dict[str, Key]] = {
    "group": Key(values.line, _text("what the check belongs to, for selections and reports")),
    "labels": Key(values.labels, _schema("short texts by name, for selections and reports", {
        "type": "object", "maxProperties": values.MAX_LABELS,
        "propertyNames": {"pattern": "^[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}$"},
        "additionalProperties": {"type": ["string", "number", "boolean", "null"], "maxLength": 255},
    })),
    "enabled": Key(values.boolean, _truth("false: kept in the file, but not checked (default true)")),
    "type": Key(partial(values.one_of, values=TYPES),
                _word("json with json_path, regex with regex, http without either", TYPES)),
    "json_path": Key(partial(values.compiled, kind="json_path"),
                     _text("JSONPath of the one element to keep as the value, like $.currentDateTime", None)),
    "regex": Key(partial(values.compiled, kind="regex"),
                 _text("regular expression in Python's syntax; its first group is the value", None)),
    "header": Key(_header_name, _text("header of the response whose value is kept, like x-version")),
    "changed": Key(values.boolean, _truth("true: degraded when the value is another than the last time")),
    "interval": Key(partial(values.duration_us, least="500ms", most="7d", unit_us=1_000),
                    _duration("time between two checks, 500ms to 7d (default API_READ_INTERVAL_SECS, 30s)")),
    "timeout": Key(partial(values.duration_us, least="10ms", most="10m"),
                   _duration("longest time of one attempt, from DNS to the last byte, redirects too, 10ms "
                             "to 10m (default 10s, less where the attempts would not fit the interval)")),
    "sla_ms": Key(partial(values.whole_number, least=1, most=600_000),
                  _count("slower than this many milliseconds, to the last byte: degraded", 1, 600_000)),
    "retries": Key(partial(values.whole_number, least=0, most=MAX_RETRIES),
                   _count("more attempts before the check counts as down (default 0)", 0, MAX_RETRIES)),
    "retry_delay": Key(partial(values.duration_us, least="0s", most="1h"),
                       _duration("time between two attempts (default 1s)")),
    "method": Key(partial(values.one_of, values=METHODS, fold=str.upper),
                  _word("HTTP method (default GET)", METHODS)),
    "headers": Key(values.headers, _schema("headers to send, by name", {
        "type": "object", "propertyNames": {"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    })),
    "body": Key(values.body, _schema("body to send, as text", {"type": ["string", "number", "boolean"]})),
    "json": Key(values.json_body, {"description": "body to send, as JSON with its content type"},
                optional=False),
    "follow_redirects": Key(values.boolean, _truth("false: judge the redirect itself (default true)")),
    "max_redirects": Key(partial(values.whole_number, least=0, most=100),
                         _count("more than this many redirects in a row: down (default 10)", 0, 100)),
    "expect": Key(partial(_nested, keys=EXPECT_KEYS), _schema("what must hold", _object(EXPECT_KEYS))),
    "tls": _TLS,
    "auth": auth_key(_TLS),
    "certificate_days": Key(partial(values.whole_number, least=0, most=3650),
                            _count("fewer days until a certificate ends: degraded (default 14; null: never)",
                                   0, 3650)),
    "max_body_bytes": Key(partial(values.size_bytes, least=1, most=2**30),
                          _schema("largest body to read, decoded, up to 1GiB (default 1MiB)",
                                  {"type": "integer", "minimum": 1, "maximum": 2**30},
                                  {"type": "string", "pattern": _SIZE}, VARIABLE)),
    "keep_alive": Key(values.boolean, _truth("true: use the last probe's connection again (default false)")),
    "http_version": Key(partial(values.one_of, values=("1.1", "2")),
                        _word("version of HTTP that every hop has to speak (default 1.1)", ("1.1", "2", 1.1, 2))),
    "ip_family": Key(_ip_family, _word("version of IP to reach it over: 4, 6 or any (default)",
                                       ("any", "4", "6", 4, 6))),
    "connect_to": Key(_connect_to, _text("HOST:PORT to connect to instead; all that is sent stays the same")),
    "proxy": Key(proxy, _text("URL of a proxy to go through: http, https or socks5, with its port",
                              target_urls.MAX_URL_CHARS)),
}  # fmt: skip
CHECK_KEYS: Final[dict[str, Key]] = {**IDENTITY_KEYS, **DEFAULTS_KEYS}


def _of_one_check(_: At) -> Any:
    raise ValueError("cannot be in `defaults`: every check has its own")


DEFAULTS_TABLE: Final[dict[str, Key]] = {
    **DEFAULTS_KEYS,
    **{name: Key(_of_one_check, optional=False) for name in IDENTITY_KEYS},
}
