"""Checks whose requests are signed for AWS, against a target that verifies the signatures."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from apistatus.model.check import AwsSigning, Check
from apistatus.probing import sigv4
from apistatus.probing.auth_errors import NoCredentials
from apistatus.probing.sigv4 import AwsKeys
from tests.services.signatures import SignedOnly
from tests.targets.checks import check_of, outcome_of, probing
from tests.targets.server import Target, answer, replies
from tests.unit.probing.expecting import expecting

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SIGNING = AwsSigning("eu-central-1", "execute-api", "AKIDEXAMPLE", SECRET)


def _check(url: str, **changes: object) -> Check:
    return replace(check_of(url, late_auth=SIGNING, secrets=(SECRET,)), **changes)


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("", {}),
        ("a%20b/ü?q=x/y&b=&a=1+2&c", {}),
        ("orders", {"method": "POST", "body": b'{"a": 1}', "headers": (("Content-Type", "application/json"),)}),
        ("orders", {"headers": (("Host", "api.example.com"), ("X-Amz-Target", "T.List"), ("Accept", "a/b"))}),
        ("orders", {"keep_alive": True}),
        ("key(1).txt?versionId=a/b", {"late_auth": replace(SIGNING, service="s3")}),
        ("orders", {"late_auth": replace(SIGNING, session_token="session")}),
        ("orders", {"late_auth": replace(SIGNING, service="aoss"), "method": "PUT", "body": b"x"}),
    ],
    ids=["root", "odd path and query", "a body", "own headers", "keep-alive", "s3", "temporary keys", "aoss"],
)  # fmt: skip
async def test_the_other_side_finds_the_signature_right(path: str, changes: dict[str, object]) -> None:
    behaviour = SignedOnly(SECRET)
    with Target(behaviour) as target:
        outcome = await outcome_of(_check(f"{target.url}{path}", **changes))
    assert behaviour.verdicts == ["right"]
    assert outcome.status == "up"


async def test_a_wrong_key_is_refused_and_asked_for_nothing_twice() -> None:
    behaviour = SignedOnly("another secret")
    with Target(behaviour) as target:
        outcome = await outcome_of(_check(target.url))
    assert (outcome.status, outcome.failure, outcome.status_code) == ("down", "status", 403)
    assert behaviour.verdicts == ["wrong"]


async def test_every_attempt_is_signed_at_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta

    now = iter(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number) for number in range(9))
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: next(now))
    behaviour = SignedOnly(SECRET, answer(status="500 Oops"))
    with Target(behaviour) as target:
        outcome = await outcome_of(_check(target.url, retries=1, retry_delay_us=0))
    assert (outcome.status, outcome.attempts) == ("up", 2)
    assert behaviour.verdicts == ["right", "right"]
    assert behaviour.dates == ["20260101T000000Z", "20260101T000001Z"]


async def test_a_redirect_within_the_origin_is_signed_for_where_it_leads() -> None:
    behaviour = SignedOnly(SECRET, answer(status="302 Found", headers=("Location: /elsewhere?x=1",)))
    with Target(behaviour) as target:
        outcome = await outcome_of(_check(target.url))
    assert (outcome.status, outcome.redirects) == ("up", 1)
    assert behaviour.verdicts == ["right", "right"]


async def test_nothing_of_a_signature_goes_to_another_origin() -> None:
    with Target(replies(answer(b"ok"))) as other:
        moved = answer(status="302 Found", headers=(f"Location: {other.url}",))
        with Target(replies(moved)) as target:
            signing = replace(SIGNING, session_token="session-token")
            assert (await outcome_of(_check(target.url, late_auth=signing))).status == "up"
    assert b"AWS4-HMAC-SHA256" in target.requests[0]
    assert b"session-token" in target.requests[0]
    sent = other.requests[0].lower()
    assert not any(word in sent for word in (b"aws4", b"x-amz", b"session-token", b"authorization"))


async def test_a_signature_that_is_repeated_is_masked() -> None:
    keys = f"access_key_id: AKIDEXAMPLE, secret_access_key: '{SECRET}', session_token: session-token"
    check = expecting(
        f"regex: Signature=(.*), timeout: 20s, auth: {{aws: {{region: eu-central-1, service: execute-api, {keys}}}}}"
    )
    behaviour = SignedOnly(SECRET)
    with Target(behaviour) as target:
        outcome = await outcome_of(replace(check, url=target.url))
    assert (behaviour.verdicts, outcome.status, outcome.value) == (["right"], "up", "***")


async def test_keys_that_the_reader_file_does_not_name_are_looked_up_once_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = []

    def look_up() -> AwsKeys:
        threads.append(threading.current_thread())
        return AwsKeys("AKIDEXAMPLE", SECRET)

    monkeypatch.setattr(sigv4, "look_up", look_up)
    behaviour = SignedOnly(SECRET)
    with Target(behaviour) as target:
        check = _check(target.url, late_auth=AwsSigning("eu-central-1", "execute-api"), secrets=())
        async with probing() as prober:
            outcomes = await asyncio.gather(
                *(prober.probe(replace(check, id=f"check-{number}")) for number in range(20))
            )
    assert {one.status for one in outcomes} == {"up"}
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


async def test_keys_that_cannot_be_had_are_failure_auth(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up() -> AwsKeys:
        raise NoCredentials("no AWS keys: anywhere")

    monkeypatch.setattr(sigv4, "look_up", look_up)
    with Target(SignedOnly(SECRET)) as target:
        outcome = await outcome_of(_check(target.url, late_auth=AwsSigning("eu-central-1", "s3")))
        assert target.accepted == 0
    assert (outcome.status, outcome.failure, outcome.error) == ("down", "auth", "no AWS keys: anywhere")


async def test_a_look_up_that_hangs_takes_the_timeout_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def look_up() -> AwsKeys:
        over.wait(30)
        return AwsKeys("AKIDEXAMPLE", SECRET)

    monkeypatch.setattr(sigv4, "look_up", look_up)
    with Target(SignedOnly(SECRET)) as target:
        late = AwsSigning("eu-central-1", "s3")
        async with probing() as prober:
            # Loading what signs is not what is to hang here.
            prober._authorizer._signs = True
            outcome = await prober.probe(_check(target.url, late_auth=late, timeout_us=200_000))
        over.set()
    assert outcome.failure == "auth"
    assert outcome.error is not None
    assert outcome.error.startswith("no AWS keys before the timeout")


async def test_what_signs_is_loaded_within_the_timeout_or_it_is_our_own_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    monkeypatch.setattr("apistatus.probing.authorizing.load_botocore", lambda: over.wait(30))
    with Target(SignedOnly(SECRET)) as target:
        outcome = await outcome_of(_check(target.url, timeout_us=200_000))
        over.set()
    assert (outcome.status, outcome.failure) == ("inconclusive", "internal")
    assert outcome.error == "our own fault: botocore was not loaded before the timeout"


async def test_a_secret_key_in_a_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apistatus.settings.credentials.LOOK_AGAIN_S", 0.0)
    key = tmp_path / "key"
    key.write_text("an-old-key\n")
    check = expecting(
        "timeout: 20s, auth: {aws: {region: eu-central-1, service: execute-api, access_key_id: AKID, "
        f"secret_access_key: '${{file:{key}}}'}}}}"
    )
    behaviour = SignedOnly(SECRET)
    with Target(behaviour) as target:
        async with probing() as prober:
            await prober.probe(replace(check, url=target.url))
            key.write_text(SECRET)
            outcome = await prober.probe(replace(check, url=target.url))
    assert behaviour.verdicts == ["wrong", "right"]
    assert outcome.status == "up"
