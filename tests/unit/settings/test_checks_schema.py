"""The JSON Schema, the files in conf/ and what is accepted: three views that must agree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from apistatus.probing.extract import compile_json_path, compile_regex
from apistatus.settings.checks import load_reader_file, reader_schema
from apistatus.settings.reader_keys import CHECK_KEYS, EXPECT_KEYS, TLS_KEYS
from apistatus.settings.yaml_tree import compose
from tests.unit.settings.readers import NOW, load_text, mistakes_in
from tests.unit.settings.test_checks_yaml import plain

CONF = Path(__file__).parents[3] / "conf"
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
# The part of JSON Schema 2020-12 that ours uses.
KNOWN = {
    *("$schema", "$defs", "$ref", "title", "description", "type", "enum", "anyOf", "oneOf", "required"),
    *("properties", "patternProperties", "additionalProperties", "propertyNames", "maxProperties", "items"),
    *("minItems", "pattern", "maxLength", "minimum", "maximum"),
}


def refusals(value: Any, schema: dict[str, Any], path: str = "$") -> Iterator[str]:
    """Where `value` breaks the schema."""
    assert KNOWN.issuperset(schema), f"{path}: this test does not know {set(schema) - KNOWN}"
    if "$ref" in schema:
        target = reader_schema()["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        yield from refusals(value, target, path)
    for kind, most in (("anyOf", 99), ("oneOf", 1)):
        if kind in schema and not 1 <= sum(not list(refusals(value, one)) for one in schema[kind]) <= most:
            yield f"{path}: {kind}"
    if not _has_type(value, schema.get("type", list(TYPES))):
        yield f"{path}: type"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: enum"
    if isinstance(value, list):
        yield from _in_list(value, schema, path)
    elif isinstance(value, dict):
        yield from _in_object(value, schema, path)
    elif not _within(value, schema):
        yield f"{path}: bounds"


def _has_type(value: Any, types: str | list[str]) -> bool:
    wanted = [types] if isinstance(types, str) else types
    return any(
        isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
        for name in wanted
    )


def _within(value: Any, schema: dict[str, Any]) -> bool:
    if isinstance(value, str):
        return bool(re.search(schema.get("pattern", ""), value)) and len(value) <= schema.get(
            "maxLength", 10_000
        )
    if isinstance(value, int | float):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def _in_list(value: list[Any], schema: dict[str, Any], path: str) -> Iterator[str]:
    if len(value) < schema.get("minItems", 0):
        yield f"{path}: too few"
    for index, item in enumerate(value):
        yield from refusals(item, schema.get("items", {}), f"{path}[{index}]")


def _in_object(value: dict[str, Any], schema: dict[str, Any], path: str) -> Iterator[str]:
    if missing := set(schema.get("required", ())) - set(value):
        yield f"{path}: without {missing}"
    if len(value) > schema.get("maxProperties", len(value)):
        yield f"{path}: too many"
    for name, item in value.items():
        if not re.search(schema.get("propertyNames", {}).get("pattern", ""), name):
            yield f"{path}.{name}: name"
        matched = [schema["properties"][name]] if name in schema.get("properties", {}) else [
            one for pattern, one in schema.get("patternProperties", {}).items() if re.search(pattern, name)
        ]  # fmt: skip
        rest = schema.get("additionalProperties", True)
        if not matched and rest is False:
            yield f"{path}.{name}: not known"
        for one in matched or ([rest] if isinstance(rest, dict) else []):
            yield from refusals(item, one, f"{path}.{name}")


def tree_of(text: str) -> Any:
    root, mistakes = compose(text)
    assert not mistakes
    return plain(root)


def keys_of(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name)
        yield from keys_of(inner, (*path, name))
        for form in inner.get("anyOf", ()):
            yield from keys_of(form, (*path, name))


def keys_in(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name)
            yield from keys_in(inner, (*path, name))


def load_conf(name: str) -> Any:
    return load_reader_file(
        CONF / name, {}, default_interval_us=30_000_000, compile_json_path=compile_json_path,
        compile_regex=compile_regex, now=NOW,
    ).checks  # fmt: skip


def test_the_sample_file_holds_the_three_examples() -> None:
    checks = load_conf("apireader")
    assert [(check.name, check.site, check.endpoint) for check in checks] == [
        ("World Clock", "http://worldclockapi.com", "/api/json/utc/now"),
        ("Japan Stock Exchange", "https://www.jpx.co.jp", "/english/"),
        ("aiven.io", "https://aiven.io", "/"),
    ]
    clock, stock, aiven = (check.extractor for check in checks)
    assert clock is not None
    assert stock is not None
    assert aiven is not None
    assert clock.source == "$.currentDateTime"
    assert clock(b'{"currentDateTime": "2026-11-25T18:00Z"}', None) == "2026-11-25T18:00Z"
    page = b"<html><head><title>\n Japan Exchange Group </title></head>"
    assert stock(page, None) == "Japan Exchange Group"
    assert aiven(b'<title data-x="y">Aiven</title>', None) == "Aiven"


def test_the_file_of_every_key_is_valid() -> None:
    checks = load_conf("every-key.yml")
    assert [check.name for check in checks if not check.enabled] == [
        "A token that is renewed while we run",
        "A token by OAuth 2.0 client credentials",
        "Requests signed for AWS",
        "A page behind a certificate authority of our own",
    ]
    assert checks[-1].labels == {"team": "web", "included": "yes"}


@pytest.mark.parametrize("name", ["apireader.yml", "every-key.yml", "every-key/included.yml"])
def test_conf_files_keep_to_the_schema(name: str) -> None:
    assert list(refusals(tree_of((CONF / name).read_text(encoding="utf-8")), reader_schema())) == []


def test_every_key_of_the_schema_is_in_the_file_of_every_key() -> None:
    shown = tree_of((CONF / "every-key.yml").read_text(encoding="utf-8"))
    schema = reader_schema()
    assert set(schema["properties"]) <= set(shown)
    assert any(key.startswith("x-") for key in shown)
    in_checks = {path for check in (*shown["readers"], *shown["checks"]) for path in keys_in(check)}
    expected = set(keys_of(schema["$defs"]["check"]))
    assert {("expect", "status"), ("tls", "ca_file"), ("max_body_bytes",)} <= expected
    assert expected <= in_checks, f"not shown: {expected - in_checks}"


def test_every_key_is_in_the_schema() -> None:
    check = reader_schema()["$defs"]["check"]["properties"]
    assert set(check) == set(CHECK_KEYS)
    for name, keys in (("tls", TLS_KEYS), ("expect", EXPECT_KEYS)):
        assert set(check[name]["anyOf"][0]["properties"]) == set(keys)


def test_every_operator_is_in_the_file_of_every_key() -> None:
    shown = tree_of((CONF / "every-key.yml").read_text(encoding="utf-8"))
    in_expect = {
        name for check in shown["readers"] for path in _all_keys(check.get("expect")) for name in path
    }
    for name in ("assertion", "json_assertion", "number_assertion", "numbers"):
        assert set(reader_schema()["$defs"][name]["properties"]) <= in_expect


def _all_keys(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield (*path, str(name))
        yield from _all_keys(inner, (*path, str(name)))


def test_defaults_take_every_key_but_those_of_one_check() -> None:
    schema = reader_schema()
    check, defaults = schema["$defs"]["check"]["properties"], schema["properties"]["defaults"]["properties"]
    assert set(check) - set(defaults) == {"name", "id", "site", "endpoint", "url"}
    assert all(defaults[name] == check[name] for name in defaults)
    assert all(check[name]["description"] for name in check)


def test_the_schema_is_json_of_the_named_draft() -> None:
    assert (
        json.loads(json.dumps(reader_schema()))["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    )


@pytest.mark.parametrize(
    "keys",
    [
        "interval: 5s", "interval: 5", "interval: 1.5", "interval: '${I:-5s}'", "timeout: 500ms", "sla_ms: 5",
        "sla_ms: '${I:-5}'", "sla_ms: null", "enabled: false", "enabled: '${E:-true}'", "group: 5",
        "labels: {a: 5, b: null}",
        "expect: {status: 200}", "expect: {status: [2xx, 401-403, '${S:-404}']}",
        "max_body_bytes: 5kB",
        "max_body_bytes: 5", "tls: {min_version: 1.2}", "tls: {min_version: '1.3'}", "headers: {A: 5}",
        "json: [1]",
        "body: text", "type: http", "id: 5", "method: HEAD",
        "auth: {basic: {username: a, password: '${P:-b}'}}", "auth: {bearer: abc}", "certificate_days: null",
        "auth: {oauth2: {token_url: http://a/, client_id: 5, client_secret: '${S:-b}', client_auth: body}}",
        "auth: {oauth2: {token_url: http://a/, client_id: 5, client_secret: b, scope: c d, tls: {verify: false}}}",
        "auth: {aws: {region: eu-central-1, service: s3}}",
        "certificate_days: 30", "header: x-version, changed: true", "expect: {failure: dns}",
        "expect: {failure: [dns, timeout]}", "expect: {body: {contains: 5, level: degraded}}",
        "expect: {headers: {via: {exists: false}}}", "expect: {total_ms: {less_than: '${T:-5}'}}",
        "expect: {json: [{path: $.a, equals: {b: [1, null]}, length: {at_least: 1}}]}",
        "regex: a, expect: {value: {one_of: [1, b]}}",
    ],
)  # fmt: skip
def test_what_the_schema_accepts_is_accepted(tmp_path: Path, keys: str) -> None:
    text = f"readers: [{{name: A, url: http://a.example, {keys}}}]"
    assert list(refusals(tree_of(text), reader_schema())) == []
    assert load_text(tmp_path, text)


@pytest.mark.parametrize(
    "keys",
    [
        "interval: often", "interval: -5", "timeout: []", "sla_ms: 0", "sla_ms: '5'", "sla_ms: 1.5",
        "enabled: 1",        "enabled: 'no'", "labels: [a]", "labels: {a b: c}",
        "expect: {status: ok}", "expect: {status: []}",
        "expect: {statuses: 200}", "max_body_bytes: 0", "tls: {min_version: 1.1}",
        "headers: {A B: c}", "type: xml",
        "auth: {basic: {username: a}}", "auth: {digest: b}", "auth: {bearer: a, aws: {region: a, service: b}}",
        "auth: {oauth2: {token_url: http://a/, client_id: a}}", "auth: {aws: {region: a, service: b, key: c}}",
        "auth: {oauth2: {token_url: http://a/, client_id: a, client_secret: b, client_auth: post}}",
        "certificate_days: -1", "header: []",
        "expect: {failure: internal}", "expect: {body: {}}", "expect: {body: {level: degraded}}",
        "expect: {headers: {via: {is: 5}}}", "expect: {total_ms: {contains: 5}}", "expect: {json: [{exists: true}]}",
        "expect: {json: [{path: $.a}]}", "expect: {body: {length: 5}}", "expect: {body: {exists: 5}}",
        "id: A", "method: GTE", "retries: 101", "timout: 5", "site: http://a", "keep_alive: 5",
    ],
)  # fmt: skip
def test_what_the_schema_refuses_is_refused(tmp_path: Path, keys: str) -> None:
    text = f"readers: [{{name: A, url: http://a.example, {keys}}}]"
    assert list(refusals(tree_of(text), reader_schema())) != []
    assert mistakes_in(tmp_path, text)


def test_plain_yaml_readers_see_the_same_sample_file() -> None:
    text = (CONF / "apireader.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == tree_of(text)
