"""Bytes on the topic and back: the form is pinned, bounds hold, and every kind of rubbish has its reason."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apistatus.errors import MalformedMessage
from apistatus.model import wire
from apistatus.model.check import Check
from apistatus.model.definition import CheckDefined, CheckRemoved, Gap
from apistatus.model.result import FAILURE_KINDS, PHASES, STATUSES, VERDICTS, Outcome, Result, Status

CHECK = Check(
    id="home", name="Home ü", url="http://a.example/?key=secret", site="http://a.example",
    endpoint="/?key=${KEY}", interval_us=30_000_000, timeout_us=10_000_000, group="web",
    labels={"team": "red"}, sla_ms=500,
)  # fmt: skip
RESULT: dict[str, Any] = {
    "v": 1, "check": "home", "location": "local", "scheduled_at_us": 1_800_000_000_000_000, "status": "up",
    "name": "Home", "site": "http://a.example", "endpoint": "/", "interval_ms": 30_000, "start_delay_us": 0,
    "producer": "p", "origin": "schedule", "attempts": 1,
}  # fmt: skip
DEFINED: dict[str, Any] = {
    "v": 1, "kind": "check", "check": "home", "location": "local", "from_us": 5, "name": "Home",
    "site": "http://a.example", "endpoint": "/", "interval_ms": 30_000, "producer": "p",
}  # fmt: skip
REMOVED: dict[str, Any] = {
    "v": 1, "kind": "check_removed", "check": "home", "location": "local", "from_us": 5, "producer": "p",
}  # fmt: skip


def raw(fields: dict[str, Any], **changed: Any) -> bytes:
    return json.dumps({**fields, **changed}).encode()


def refusal(value: bytes | None) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        wire.decode(value)
    return caught.value


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
_NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
_IDS = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,31}", fullmatch=True)
_MICROS = st.integers(0, 2**31 - 1)
_INSTANTS = st.integers(0, 253_402_300_799_999_999)
_OPTIONAL = {
    "group": _TEXT, "labels": st.dictionaries(_TEXT, _TEXT, max_size=3), "sla_ms": st.integers(1, 2**31 - 1),
    "failure": st.sampled_from(FAILURE_KINDS), "phase": st.sampled_from(PHASES), "error": _TEXT,
    "value": _TEXT,
    "status_code": st.integers(0, 999), "http_version": st.just("1.1"),
    "ip": st.just("::1"), "size_bytes": _MICROS, "total_us": _MICROS,
    "resolve_us": _MICROS, "connect_us": _MICROS, "tls_us": _MICROS, "processing_us": _MICROS,
    "transfer_us": _MICROS,
    "clock": st.sampled_from(["kernel", "user"]), "tls_engine": st.sampled_from(["rustls", "openssl"]),
    "certificate_expires_at_us": _INSTANTS,
}  # fmt: skip
_COUNTED = {"redirects": st.integers(0, 32_767), "reused": st.booleans(), "lagged": st.booleans()}
_RESULTS = st.builds(
    Result, v=st.just(1), check=_IDS, location=_IDS, scheduled_at_us=_INSTANTS,
    status=st.sampled_from(STATUSES),
    name=_NAMES, site=_TEXT, endpoint=_TEXT, interval_ms=st.integers(1, 2**31 - 1), start_delay_us=_MICROS,
    producer=_TEXT, origin=st.sampled_from(["schedule", "once"]), attempts=st.integers(0, 32_767),
    **{name: values | st.none() for name, values in _OPTIONAL.items()}, **_COUNTED,
)  # fmt: skip


@given(_RESULTS)
def test_a_result_comes_back_as_it_was(result: Result) -> None:
    encoded = wire.encode(result)
    assert wire.decode(encoded) == result
    assert None not in json.loads(encoded).values()


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_a_message_or_malformed(value: bytes) -> None:
    assert refusal(value).reason in {
        "empty",
        "not_utf8",
        "not_json",
        "unknown_version",
        "unknown_kind",
        "invalid_field",
    }


@pytest.mark.parametrize(
    "definition",
    [
        CheckDefined(v=1, kind="check", check="home", location="local", from_us=5, name="Home",
        site="http://a",
                     endpoint="/", interval_ms=1, producer="p", group="g", labels={"a": "b"}, sla_ms=5),
        CheckRemoved(v=1, kind="check_removed", check="home", location="local", from_us=5, producer="p"),
        Gap(v=1, kind="gap", check="home", location="local", from_us=5, until_us=9, producer="p",
            reason="no producer was running"),
    ],
)  # fmt: skip
def test_what_is_no_result_comes_back_as_it_was(definition: CheckDefined | CheckRemoved | Gap) -> None:
    assert wire.decode(wire.encode(definition)) == definition


def test_the_form_of_a_result_is_pinned() -> None:
    outcome = Outcome(status="up", status_code=200, value="x", total_us=5, clock="user")
    result = wire.compose(CHECK, outcome, location="local", producer="p", scheduled_at_us=7, start_delay_us=3)
    assert json.loads(wire.encode(result)) == {
        "v": 1, "check": "home", "location": "local", "scheduled_at_us": 7, "status": "up", "name": "Home ü",
        "site": "http://a.example", "endpoint": "/?key=${KEY}", "interval_ms": 30_000, "start_delay_us": 3,
        "producer": "p", "origin": "schedule", "attempts": 1, "group": "web", "labels": {"team": "red"},
        "sla_ms": 500, "status_code": 200, "value": "x", "total_us": 5, "clock": "user",
    }  # fmt: skip


def test_the_form_of_a_gap_is_pinned() -> None:
    gap = wire.gap("home", location="local", producer="p", from_us=5, until_us=9, reason="no producer")
    assert json.loads(wire.encode(gap)) == {
        "v": 1, "kind": "gap", "check": "home", "location": "local", "from_us": 5, "until_us": 9,
        "producer": "p", "reason": "no producer",
    }  # fmt: skip


def test_a_result_keeps_everything_the_probe_found_out() -> None:
    outcome = Outcome(**{name: f"<{name}>" for name in Outcome.__struct_fields__})
    result = wire.compose(CHECK, outcome, location="l", producer="p", scheduled_at_us=7, origin="once")
    found = msgspec.structs.asdict(outcome)
    del found["assertions"], found["hops"]  # for the command line only: not on the topic
    assert {name: getattr(result, name) for name in found} == found
    assert not {"assertions", "hops"} & set(Result.__struct_fields__)
    assert result.origin == "once"


def test_a_missed_tick_has_no_attempt_and_says_why() -> None:
    result = wire.missed(CHECK, location="local", producer="p", scheduled_at_us=7, error="too late")
    assert (result.status, result.attempts, result.error, result.scheduled_at_us) == (
        "missed",
        0,
        "too late",
        7,
    )
    assert wire.decode(wire.encode(result)) == result


def test_a_check_as_defined_has_what_readers_need() -> None:
    assert json.loads(wire.encode(wire.defined(CHECK, location="local", producer="p", from_us=7))) == {
        "v": 1, "kind": "check", "check": "home", "location": "local", "from_us": 7, "name": "Home ü",
        "site": "http://a.example", "endpoint": "/?key=${KEY}", "interval_ms": 30_000, "producer": "p",
        "group": "web", "labels": {"team": "red"}, "sla_ms": 500,
    }  # fmt: skip


def test_no_secret_of_the_check_is_on_the_wire() -> None:
    outcome = Outcome(status="up")
    result = wire.compose(CHECK, outcome, location="local", producer="p", scheduled_at_us=7)
    definition = wire.defined(CHECK, location="local", producer="p", from_us=7)
    assert b"secret" not in wire.encode(result) + wire.encode(definition)
    assert "secret" not in repr(CHECK)


def test_what_stands_in_postgresql_as_a_number_is_only_appended_to() -> None:
    assert STATUSES == ("up", "degraded", "down", "missed", "inconclusive") == get_args(Status)
    assert PHASES == ("resolve", "connect", "tls", "send", "processing", "transfer", "body")
    assert " ".join(FAILURE_KINDS) == (
        "dns connect_refused connect_unreachable connect_timeout connect_reset tls_untrusted tls_expired "
        "tls_hostname tls_handshake timeout disconnected protocol too_large redirect blocked auth status "
        "assertion extract internal"
    )
    assert {"up", "degraded", "down"} == VERDICTS


def test_cloudevents_headers_name_the_tick() -> None:
    result = wire.compose(
        CHECK, Outcome(status="up"), location="fra-1", producer="p", scheduled_at_us=1_800_000_000_000_001
    )
    headers = dict(wire.cloudevents_headers(result))
    assert headers == {
        "content-type": b"application/json", "ce_specversion": b"1.0", "ce_subject": b"home",
        "ce_type": b"dev.apistatus.check.result.v1", "ce_source": b"/apistatus/fra-1",
        "ce_time": b"2027-01-15T08:00:00.000001Z", "ce_id": headers["ce_id"],
    }  # fmt: skip
    assert len(headers["ce_id"]) == 36


def test_results_decoded_together_are_what_each_is() -> None:
    raws = [raw(RESULT, name=name, scheduled_at_us=number) for number, name in enumerate("abc")]
    assert wire.decode_results(raws) == [wire.decode(one) for one in raws]
    assert wire.decode_results([]) == []
    assert wire.decode_results([raw(RESULT), raw(DEFINED)]) is None


def test_many_checks_are_recognized_however_many_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_IDENTITIES_AT_MOST", 3)
    monkeypatch.setattr(wire, "_identities", set())
    raws = [raw(RESULT, check=f"check-{number}") for number in range(10)]
    for _ in range(2):
        assert [one.check for one in wire.decode_results(raws) or ()] == [f"check-{n}" for n in range(10)]
    assert len(wire._identities) <= 3
