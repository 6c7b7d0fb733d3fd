"""What is no message of ours is refused with a reason: the consumer lives on these answers."""

from __future__ import annotations

from typing import Any

import pytest

from apistatus.model import wire
from apistatus.model.definition import CheckDefined
from apistatus.model.result import Result
from tests.unit.model.test_wire import DEFINED, REMOVED, RESULT, raw, refusal

DEEP = b'{"x":' * 100_000


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"{", "not_json"),
        (b"\xff", "not_json"),
        (b"Hello", "not_json"),
        (raw(RESULT) + b"x", "not_json"),
        (raw(RESULT, name="\ud800"), "not_json"),
        (raw(RESULT, name="a").replace(b'"a"', b'"\xff"'), "not_utf8"),
        (raw(DEFINED, name="a").replace(b'"a"', b'"\xff"'), "not_utf8"),
        (b'{"kind":"\xff"}', "not_utf8"),
        (b"null", "invalid_field"),
        (b"[1]", "invalid_field"),
        (b"{}", "invalid_field"),
        (b'{"v": 1}', "invalid_field"),
        (b'{"v": 1e400}', "invalid_field"),
        (raw(RESULT, v="1"), "invalid_field"),
        (raw(RESULT, kind=5), "invalid_field"),
        (DEEP, "invalid_field"),
        (raw(DEFINED)[:-1] + b', "x": ' + DEEP, "invalid_field"),
        (b'{"v": 5, "x": ' + DEEP, "invalid_field"),
        (raw(RESULT, v=2), "unknown_version"),
        (raw(DEFINED, v=2), "unknown_version"),
        (raw(RESULT, kind="gap"), "invalid_field"),
        (raw(RESULT, kind="riddle"), "unknown_kind"),
        (raw(RESULT, kind="x" * 1_000), "unknown_kind"),
        (raw(RESULT, kind="check"), "invalid_field"),
        (raw(DEFINED, interval_ms=0), "invalid_field"),
        (raw(REMOVED, from_us=-1), "invalid_field"),
        (raw(RESULT, name="a\0b"), "nul_character"),
        (raw(RESULT, value="\0"), "nul_character"),
        (raw(RESULT, labels={"a\0": "b"}), "nul_character"),
        (raw(RESULT, labels={"a": "\0"}), "nul_character"),
        (raw(DEFINED, site="\0"), "nul_character"),
    ],
)  # fmt: skip
def test_each_kind_of_rubbish_has_its_reason(value: bytes | None, reason: str) -> None:
    error = refusal(value)
    assert error.reason == reason
    assert error.message
    assert len(str(error)) < 400
    assert wire.decode_results([raw(RESULT), value]) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("check", "A"), ("check", ""), ("check", "a" * 65), ("check", "a\n"),
        ("location", "a" * 33), ("location", "-a"), ("scheduled_at_us", -1),
        ("scheduled_at_us", 253_402_300_800_000_000), ("scheduled_at_us", 1.5),
        ("status", "lost"), ("name", ""), ("name", "n" * 256), ("site", "s" * 8_193), ("interval_ms", 0),
        ("interval_ms", 2**31), ("start_delay_us", -1), ("producer", "p" * 65), ("origin", "cron"),
        ("attempts", 32_768), ("group", "g" * 256), ("labels", {"a": 5}), ("labels", ["a"]), ("sla_ms", 0),
        ("failure", "gremlins"), ("phase", "lunch"), ("error", "e" * 1_001), ("status_code", 1_000),
        ("redirects", -1), ("http_version", "1" * 9), ("ip", "1" * 65), ("reused", 1), ("size_bytes", 2**31),
        ("value", "v" * 4_001), ("value", "v" * 1_000_000), ("total_us", 2**31), ("total_us", True),
        ("total_us", 10**400), ("clock", "sun"), ("tls_engine", "nss"), ("certificate_expires_at_us", 2**63),
    ],
)  # fmt: skip
def test_a_field_out_of_bounds_is_refused_by_name(field: str, value: Any) -> None:
    error = refusal(raw(RESULT, **{field: value}))
    assert error.reason == "invalid_field"
    assert f"$.{field}" in error.message


@pytest.mark.parametrize("field", sorted(RESULT))
def test_a_result_without_one_of_its_fields_is_refused_by_name(field: str) -> None:
    fields = {name: value for name, value in RESULT.items() if name != field}
    error = refusal(raw(fields))
    assert (error.reason, field in error.message) == ("invalid_field", True)


def test_a_backslash_before_a_zero_is_no_nul() -> None:
    result = wire.decode(raw(RESULT, error="\\u0000", labels={"\\u0000": "\\u0000"}))
    assert isinstance(result, Result)
    assert result.error == "\\u0000"
    definition = wire.decode(raw(DEFINED, name="\\u0000"))
    assert isinstance(definition, CheckDefined)
    assert definition.name == "\\u0000"


def test_fields_and_spaces_we_do_not_know_are_passed_over() -> None:
    assert wire.decode(b" \n" + raw(RESULT, later={"a": ["\0"]}) + b"\n") == wire.decode(raw(RESULT))
