"""What a check makes of its expectations, against real sockets."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from apistatus.model.check import Check
from apistatus.model.result import Outcome
from apistatus.probing.prober import HttpProber
from apistatus.runtime.clock import SystemClock
from tests.targets.checks import outcome_of, probing
from tests.targets.server import Behaviour, Connection, Target, answer, read_request, replies
from tests.unit.probing.expecting import expecting

JSON = ("Content-Type: application/json",)


def _check(target: Target | str, keys: str, environ: dict[str, str] | None = None) -> Check:
    url = target if isinstance(target, str) else target.url
    check = expecting(f"timeout: 20s, {keys}".replace("URL", url), environ)
    return _at(check, url)


def _at(check: Check, url: str) -> Check:
    return replace(check, url=url, site=url.rstrip("/"))


async def _outcome(behaviour: Behaviour, keys: str, environ: dict[str, str] | None = None) -> Outcome:
    with Target(behaviour) as target:
        return await outcome_of(_check(target, keys, environ))


async def test_what_holds_is_up_and_kept_as_data() -> None:
    body = json.dumps({"queue": {"depth": 5}, "items": [1]}).encode()
    outcome = await _outcome(
        replies(answer(body, headers=JSON)),
        "json_path: $.queue.depth, expect: {status: [200, 3xx], headers: {content-type: {matches: ^application/json}},"
        " body: {not_contains: maintenance}, value: {at_least: 1}, total_ms: {less_than: 20000},"
        " json: [{path: $.items, length: {greater_than: 0}}]}",
    )
    assert (outcome.status, outcome.failure, outcome.error, outcome.value) == ("up", None, None, "5")
    said = [(one.assertion, one.expected, one.outcome) for one in outcome.assertions]
    assert said == [
        ("status", "200, 300-399", "held"),
        ("header content-type", "matches ^application/json", "held"),
        ("body", 'not_contains "maintenance"', "held"),
        ("value", "at_least 1", "held"),
        ("total_ms", "less_than 20000", "held"),
        ("json $.items", "length greater_than 0", "held"),
    ]


async def test_what_does_not_hold_is_down_and_every_bit_of_it_is_told() -> None:
    outcome = await _outcome(
        replies(answer(b'{"depth": 250, "state": "off"}')),
        "expect: {json: [{path: $.depth, less_than: 100}, {path: $.state, equals: on}, {path: $.n, at_least: 0}]}",
    )
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "assertion", "body")
    assert outcome.error == (
        "json $.depth: expected less_than 100, seen: 250; "
        'json $.state: expected equals "on", seen: "off"; '
        'json $.n: expected at_least 0, seen: nothing: no "n" in the object at $'
    )


async def test_a_warning_is_degraded_and_what_is_down_goes_before_it() -> None:
    expect = "expect: {json: [{path: $.a, less_than: 1, level: degraded}, {path: $.b, less_than: %d}]}"
    page = replies(answer(b'{"a": 5, "b": 5}'))
    outcome = await _outcome(page, expect % 9)
    assert (outcome.status, outcome.failure) == ("degraded", None)
    assert outcome.error == "json $.a: expected less_than 1, seen: 5"
    outcome = await _outcome(page, expect % 1)
    assert (outcome.status, outcome.error) == ("down", "json $.b: expected less_than 1, seen: 5")


async def test_what_cannot_be_evaluated_is_an_extract_failure() -> None:
    outcome = await _outcome(replies(answer(b"<html>")), "expect: {json: [{path: $.a, exists: false}]}")
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "extract", "body")
    assert outcome.error is not None
    assert outcome.error.startswith(
        "json $.a: expected exists false, cannot be told: the body is not JSON: HTML or XML"
    )
    assert [one.outcome for one in outcome.assertions] == ["held", "error"]


async def test_a_failed_header_is_told_before_the_body_is_looked_for() -> None:
    outcome = await _outcome(
        replies(answer(b"<html>")),
        "expect: {headers: {x: {exists: true}}, json: [{path: $.a, exists: true}]}",
    )
    assert (outcome.failure, outcome.phase) == ("assertion", "processing")


async def test_an_unexpected_status_goes_before_every_assertion() -> None:
    outcome = await _outcome(
        replies(answer(b"{}", "503 Busy")), "expect: {json: [{path: $.a, exists: true}]}"
    )
    assert (outcome.failure, outcome.error) == ("status", "status 503 Service Unavailable, expected 200-299")
    assert [(one.assertion, one.outcome, one.seen) for one in outcome.assertions] == [
        ("status", "failed", "503")
    ]


async def test_a_catastrophic_pattern_ends_and_holds_up_nobody() -> None:
    slow = answer(b"a" * 100 + b"b")
    with Target(replies(slow)) as bad, Target(replies(answer(b"ok"))) as good:
        async with probing() as prober:
            outcome, other = await asyncio.gather(
                prober.probe(_check(bad, "expect: {body: {matches: '(a|aa)+$'}}")),
                prober.probe(_check(good, "expect: {body: {equals: ok}}")),
            )
    assert (outcome.status, outcome.failure) == ("down", "extract")
    assert outcome.error is not None
    assert "took more than 100 ms on this body" in outcome.error
    assert other.status == "up"


async def test_secrets_in_what_is_expected_or_sent_and_seen_are_masked() -> None:
    def echoes(connection: Connection, target: Target) -> None:
        request = read_request(connection, target).decode("latin-1")
        token = request.partition("Bearer ")[2].partition("\r\n")[0]
        connection.sendall(answer(json.dumps({"you": token, "long": "x" * 110 + token}).encode()))

    outcome = await _outcome(
        echoes,
        "auth: {bearer: '${TOKEN}'}, expect: {body: {contains: '${WANTED}'}, "
        "json: [{path: $.you, equals: '${WANTED}'}, {path: $.long, equals: a}]}",
        {"TOKEN": "tok-0123456789", "WANTED": "want-9876543210"},
    )
    said = f"{outcome.error} {outcome.assertions}"
    assert "tok-" not in said
    assert "want-" not in said
    assert 'json $.you: expected equals "${WANTED}", seen: "***"' in said


async def test_a_token_that_a_target_sends_back_is_no_value() -> None:
    def echoes(connection: Connection, target: Target) -> None:
        request = read_request(connection, target).decode("latin-1")
        sent = {
            name: request.partition(f"{name}: ")[2].partition("\r\n")[0] for name in ("X-Key", "X-Source")
        }
        connection.sendall(
            answer(json.dumps([request.partition("Bearer ")[2].partition("\r\n")[0], sent]).encode())
        )

    outcome = await _outcome(
        echoes,
        "auth: {bearer: tok-0123456789}, headers: {X-Key: key-987654, X-Source: apistatus}, json_path: $",
    )
    assert outcome.value == '["***",{"X-Key":"***","X-Source":"apistatus"}]'


async def test_only_what_does_not_hold_is_told_to_who_asks_for_no_more() -> None:
    with Target(replies(answer(b'{"a": 5}'))) as target:
        check = _check(
            target, "expect: {json: [{path: $.a, equals: 5}, {path: $.a, less_than: 5, level: degraded}]}"
        )
        prober = HttpProber(SystemClock(), tell_held=False)
        outcome = await prober.probe(check)
        await prober.aclose()
    assert [(one.expected, one.outcome) for one in outcome.assertions] == [("less_than 5", "failed")]
    assert outcome.status == "degraded"


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ("{basic: {username: Aladdin, password: open sesame}}", b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("{basic: {username: '', password: grün}}", b"Basic Omdyw7xu"),
        ("{bearer: mF_9.B5f-4.1JqM}", b"Bearer mF_9.B5f-4.1JqM"),
    ],
)
async def test_auth_is_sent_and_never_to_another_origin(auth: str, sent: bytes) -> None:
    with Target(replies(answer(b"ok"))) as other:
        moved = answer(status="302 Found", headers=(f"Location: {other.url}",))
        with Target(replies(moved)) as target:
            outcome = await outcome_of(_check(target, f"auth: {auth}"))
    assert outcome.status == "up"
    assert b"\r\nAuthorization: " + sent + b"\r\n" in target.requests[0]
    assert b"authorization" not in other.requests[0].lower()


async def test_a_token_in_a_file_is_read_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apistatus.settings.credentials.LOOK_AGAIN_S", 0.0)
    token = tmp_path / "token"
    token.write_text("first-token\n")
    with Target(replies(answer(b"ok"))) as target:
        check = _check(
            target, f"auth: {{bearer: '${{file:{token}}}'}}, headers: {{X-Key: 'k-${{file:{token}}}'}}"
        )
        async with probing() as prober:
            for change in (lambda: None, lambda: token.write_text("second\n"), token.unlink):
                change()
                assert (await prober.probe(check)).status == "up"
    sent = [
        [line for line in request.split(b"\r\n") if line.startswith((b"Authorization", b"X-Key"))]
        for request in target.requests
    ]
    second = [b"X-Key: k-second", b"Authorization: Bearer second"]
    assert sent == [[b"X-Key: k-first-token", b"Authorization: Bearer first-token"], second, second]


async def test_a_header_is_the_value_and_a_missing_one_is_down() -> None:
    page = replies(answer(b"ok", headers=("X-Version: 1.2",)))
    outcome = await _outcome(page, "header: x-version, expect: {value: {equals: '1.2'}}")
    assert (outcome.status, outcome.value) == ("up", "1.2")
    outcome = await _outcome(page, "header: x-other")
    assert (outcome.status, outcome.failure, outcome.value) == ("down", "extract", None)
    assert outcome.error == "no header x-other in the response"


async def test_a_value_that_changed_is_degraded_once() -> None:
    def counts(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        version = 1 if len(target.requests) < 3 else 2
        connection.sendall(answer(b"ok", headers=(f"X-Version: v{version}",)))

    with Target(counts) as target:
        check = _check(target, "header: x-version, changed: true")
        async with probing() as prober:
            outcomes = [await prober.probe(check) for _ in range(4)]
    assert [one.status for one in outcomes] == ["up", "up", "degraded", "up"]
    assert outcomes[2].error == 'the value has changed from "v1" to "v2"'


async def test_a_failure_that_is_expected_is_up() -> None:
    outcome = await outcome_of(_check("http://127.0.0.1:1/", "expect: {failure: [timeout, connect_refused]}"))
    assert (outcome.status, outcome.failure, outcome.phase, outcome.error) == ("up", None, None, None)


async def test_an_answer_where_a_failure_is_expected_is_down() -> None:
    outcome = await _outcome(replies(answer(b"ok")), "expect: {failure: connect_refused}")
    assert (outcome.status, outcome.failure) == ("down", "assertion")
    assert outcome.error == (
        "expected was a failure of kind connect_refused, but it answered with status 200 OK"
    )


async def test_another_failure_than_the_expected_is_down_with_its_own_cause() -> None:
    outcome = await outcome_of(_check("http://127.0.0.1:1/", "expect: {failure: dns}"))
    assert (outcome.status, outcome.failure) == ("down", "connect_refused")
    assert outcome.error == "127.0.0.1:1 refused the connection; expected was a failure of kind dns"
