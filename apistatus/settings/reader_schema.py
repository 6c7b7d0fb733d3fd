"""JSON Schema of the reader file, for editors: made from the table of keys, so the two cannot differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apistatus.settings import connectivity
from apistatus.settings.assertions import SCHEMAS
from apistatus.settings.reader_keys import DEFAULTS_KEYS, IDENTITY_KEYS
from apistatus.settings.reading import Key


def reader_schema() -> dict[str, Any]:
    """The schema (draft 2020-12). What it accepts may still be refused for what it cannot see."""
    checks = {"type": "array", "items": {"$ref": "#/$defs/check"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "apistatus reader file",
        "type": "object",
        "additionalProperties": False,
        "patternProperties": {"^x-": {"description": "anything; a place for anchors"}},
        "properties": {
            "defaults": {
                "description": "what applies to checks of this file that say nothing else",
                "type": "object",
                "additionalProperties": False,
                "properties": _properties(DEFAULTS_KEYS),
            },
            "readers": {"description": "the checks", **checks},
            "checks": {"description": "another name of `readers`; the two add up", **checks},
            "connectivity": dict(connectivity.SCHEMA),
            "include": {
                "description": "more files, relative to this one; * and ** are patterns",
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            },
        },
        "$defs": {
            "check": {
                "type": "object",
                "required": ["name"],
                "oneOf": [{"required": ["site"]}, {"required": ["url"]}],
                "additionalProperties": False,
                "properties": {**_properties(IDENTITY_KEYS), **_properties(DEFAULTS_KEYS)},
            },
            **SCHEMAS,
            "variable": {"description": "${VAR} and its like", "type": "string", "pattern": r"\$\{"},
        },
    }


def _properties(keys: Mapping[str, Key]) -> dict[str, Any]:
    return {name: dict(key.schema) for name, key in keys.items()}
