"""Checks with tokens by OAuth 2.0, against token endpoints and targets on loopback: had once, shared, replaced."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from tests.services.tokens import SECRET, Protected, Tokens, asking, both, grant_at, refusal
from tests.targets.checks import outcome_of, probing
from tests.targets.server import Connection, Target, answer, replies
from tests.unit.probing.expecting import expecting


async def test_a_token_is_had_once_and_shared_by_all_checks_that_want_the_same() -> None:
    tokens, protected = Tokens(), Protected("token-1")
    with both(tokens, protected) as (endpoint, target):
        check = asking(target, endpoint)
        checks = [replace(check, id=f"check-{number}") for number in range(20)]
        async with probing() as prober:
            outcomes = await asyncio.gather(*(prober.probe(one) for one in checks))
            outcomes.append(await prober.probe(check))
            other = replace(check, late_auth=grant_at(endpoint.url, scope="more"))
            assert (await prober.probe(other)).status_code == 401
    assert {(one.status, one.attempts) for one in outcomes} == {("up", 1)}
    assert tokens.given[0] == "token-1"
    assert len([one for one in endpoint.requests if b"scope" not in one]) == 1
    assert b"grant_type=client_credentials&scope=more" in endpoint.requests[1]


async def test_a_token_that_is_refused_is_replaced_once_and_nothing_counts_twice() -> None:
    tokens, protected = Tokens(), Protected("token-2")
    with both(tokens, protected) as (endpoint, target):
        outcome = await outcome_of(asking(target, endpoint, retries=2))
        assert target.accepted == 2
    assert protected.came == ["token-1", "token-2"]
    assert (outcome.status, outcome.attempts, outcome.redirects, outcome.status_code) == ("up", 1, 0, 200)
    assert len(outcome.hops) == 1
    # Were the first exchange in it, its phases and the second one's would not add up to the total.
    phases = (outcome.connect_us, outcome.processing_us, outcome.transfer_us)
    assert outcome.total_us == pytest.approx(sum(one or 0 for one in phases), abs=3)
    assert outcome.processing_us == outcome.hops[0].processing_us


async def test_a_target_that_refuses_every_token_is_asked_twice_and_the_endpoint_not_for_everyasking() -> (
    None
):
    tokens, protected = Tokens(), Protected()
    with both(tokens, protected) as (endpoint, target):
        check = asking(target, endpoint)
        async with probing() as prober:
            outcomes = [await prober.probe(check) for _ in range(4)]
    assert {(one.status, one.failure, one.status_code) for one in outcomes} == {("down", "status", 401)}
    assert outcomes[0].error == "status 401 Unauthorized, expected 200-299"
    assert protected.came == ["token-1", "token-2", "token-2", "token-2", "token-2"]
    assert tokens.given == ["token-1", "token-2"]


async def test_a_401_that_is_expected_is_no_reason_for_another_token() -> None:
    with both(Tokens(), Protected()) as (endpoint, target):
        outcome = await outcome_of(asking(target, endpoint, statuses=((401, 401),)))
        assert (outcome.status, target.accepted, endpoint.accepted) == ("up", 1, 1)


async def test_a_401_whose_token_cannot_be_replaced_saysboth() -> None:
    def behaviour(connection: Connection, target: Target) -> None:
        first = target.accepted == 1
        (Tokens() if first else replies(refusal("503 Service Unavailable", "temporarily_unavailable")))(
            connection, target
        )

    with Target(behaviour) as endpoint, Target(Protected()) as target:
        outcome = await outcome_of(asking(target, endpoint))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "status", "processing")
    assert outcome.error == (
        "status 401 Unauthorized, expected 200-299; then no token from "
        f"127.0.0.1:{endpoint.port}: it answered 503 Service Unavailable, temporarily_unavailable"
    )


async def test_the_time_of_the_token_is_not_the_targets() -> None:
    tokens = Tokens()
    tokens.held.clear()
    with both(tokens, Protected("token-1")) as (endpoint, target):
        async with probing() as prober:
            began_s = monotonic()
            probe = asyncio.create_task(prober.probe(asking(target, endpoint)))
            await asyncio.to_thread(tokens.asked.acquire, timeout=30)
            held_since_s = monotonic()
            await asyncio.sleep(0.2)
            held_s = monotonic() - held_since_s
            tokens.held.set()
            outcome = await probe
            all_s = monotonic() - began_s
    assert outcome.status == "up"
    assert outcome.total_us is not None
    assert outcome.total_us / 1e6 <= all_s - held_s


async def test_what_a_target_repeats_of_tokens_is_masked_the_refused_one_too() -> None:
    with both(Tokens(), Protected("token-2")) as (endpoint, target):
        check = expecting(
            f"json_path: $.you, timeout: 20s, expect: {{json: [{{path: $.old, equals: x}}]}}, auth: {{oauth2: "
            f"{{token_url: '{endpoint.url}', client_id: me, client_secret: '{SECRET}'}}}}"
        )
        outcome = await outcome_of(replace(check, url=target.url))
    assert (outcome.failure, outcome.value) == ("assertion", "Bearer ***")
    assert outcome.error == 'json $.old: expected equals "x", seen: "***"'
    assert "token-" not in repr(outcome)


async def test_a_token_stays_with_its_origin() -> None:
    with Target(replies(answer(b"ok"))) as other:
        moved = answer(status="302 Found", headers=(f"Location: {other.url}",))
        with Target(Tokens()) as endpoint, Target(replies(moved)) as target:
            outcome = await outcome_of(asking(target, endpoint))
    assert (outcome.status, outcome.redirects) == ("up", 1)
    assert b"Authorization: Bearer token-1\r\n" in target.requests[0]
    assert b"token-1" not in other.requests[0]


async def test_a_401_of_another_origin_is_not_about_the_token() -> None:
    with Target(Protected()) as other:
        moved = answer(status="302 Found", headers=(f"Location: {other.url}",))
        with Target(Tokens()) as endpoint, Target(replies(moved)) as target:
            outcome = await outcome_of(asking(target, endpoint))
            assert (outcome.status_code, other.accepted, endpoint.accepted) == (401, 1, 1)


async def test_a_secret_in_a_file_is_read_again_and_the_new_one_asks_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apistatus.settings.credentials.LOOK_AGAIN_S", 0.0)
    secret = tmp_path / "secret"
    secret.write_text("old-secret\n")
    tokens = Tokens(refusal("401 Unauthorized", "invalid_client"))
    with both(tokens, Protected("token-1")) as (endpoint, target):
        check = expecting(
            f"timeout: 20s, auth: {{oauth2: {{token_url: '{endpoint.url}', client_id: me, client_auth: body, "
            f"client_secret: '${{file:{secret}}}'}}}}"
        )
        async with probing() as prober:
            first = await prober.probe(replace(check, url=target.url))
            secret.write_text("new-secret\n")
            second = await prober.probe(replace(check, url=target.url))
    assert (first.failure, second.status) == ("auth", "up")
    assert [one.rpartition(b"client_secret=")[2] for one in endpoint.requests] == [
        b"old-secret",
        b"new-secret",
    ]
