"""Checks whose token cannot be had: failure `auth`, and what the token endpoint said to it."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest

from apistatus.model.check import TlsOptions
from apistatus.probing.prober import HttpProber
from apistatus.runtime.clock import SystemClock
from tests.services.tokens import SECRET, Protected, Tokens, asking, both, grant_at, refusal
from tests.targets.certificates import issue, server_context
from tests.targets.checks import outcome_of, probing
from tests.targets.server import Target, answer, replies


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (refusal("401 Unauthorized", "invalid_client", "No such client"),
         "it answered 401 Unauthorized, invalid_client: No such client"),
        (answer(b"<h1>Bad Gateway</h1>", "502 Bad Gateway"), "it answered 502 Bad Gateway"),
        (answer(b"<html>"), "it answered 200 OK, but what came is no JSON object"),
        (answer(b"{}"), "it answered 200 OK, but without an access_token"),
        (answer(status="302 Found", headers=("Location: http://127.0.0.1:1/",)),
         "it answered 302 Found: redirects are not followed, write the final address"),
        (answer(b" " * 300_000 + b"{}"), "the body is larger than 262144 bytes"),
        (b"SSH-2.0\r\n", "ENDPOINT does not speak proper HTTP/1.1: its answer begins with b'SSH-2.0\\r\\n'"),
        (b"", "ENDPOINT closed the connection without an answer"),
        # Whatever it repeats of what it was sent.
        (refusal("400 Bad Request", "invalid_client", f"Basic bWU6dGhlLWNsaWVudC1zZWNyZXQ=, {SECRET}"),
         "it answered 400 Bad Request, invalid_client: ***, ***"),
    ],
)  # fmt: skip
async def test_a_failing_token_endpoint_is_failure_auth_and_says_what_it_answered(
    response: bytes, says: str
) -> None:
    with Target(replies(response)) as endpoint, Target(Protected()) as target:
        outcome = await outcome_of(asking(target, endpoint))
        assert target.accepted == 0
    assert (outcome.status, outcome.failure, outcome.phase, outcome.total_us) == ("down", "auth", None, None)
    where = f"127.0.0.1:{endpoint.port}"
    assert outcome.error == f"no token from {where}: {says}".replace("ENDPOINT", where)


async def test_a_token_endpoint_that_nobody_listens_at() -> None:
    with Target(Protected()) as target:
        outcome = await outcome_of(asking(target, "http://127.0.0.1:1/"))
    assert (outcome.failure, outcome.error) == (
        "auth",
        "no token from 127.0.0.1:1: 127.0.0.1:1 refused the connection",
    )


async def test_a_dead_token_endpoint_is_not_asked_by_everyasking() -> None:
    with Target(replies(answer(status="500 Oops"))) as endpoint, Target(Protected()) as target:
        check = asking(target, endpoint)
        async with probing() as prober:
            outcomes = await asyncio.gather(
                *(prober.probe(replace(check, id=f"check-{number}")) for number in range(200))
            )
            asked = endpoint.accepted
            outcomes.append(await prober.probe(check))
        assert (asked, target.accepted) == (1, 0)
    assert {(one.status, one.failure) for one in outcomes} == {("down", "auth")}


async def test_a_token_endpoint_that_is_silent_takes_the_checks_timeout_and_no_more() -> None:
    tokens = Tokens()
    tokens.held.clear()
    with both(tokens, Protected()) as (endpoint, target):
        outcome = await outcome_of(asking(target, endpoint, timeout_us=300_000))
    assert (outcome.status, outcome.failure) == ("down", "auth")
    assert outcome.error == (
        f"no token from 127.0.0.1:{endpoint.port} before the timeout: it has not answered"
    )


async def test_denied_networks_hold_for_the_token_endpoint() -> None:
    with Target(Tokens()) as endpoint, Target(Protected()) as target:
        url = f"http://127.0.0.2:{endpoint.port}/"
        prober = HttpProber(SystemClock(), deny_networks=[ipaddress.ip_network("127.0.0.2/32")])
        outcome = await prober.probe(asking(target, url))
        await prober.aclose()
        assert (endpoint.accepted, target.accepted) == (0, 0)
    assert outcome.failure == "auth"
    assert outcome.error == (
        f"no token from 127.0.0.2:{endpoint.port}: 127.0.0.2 is in 127.0.0.2/32: "
        "APISTATUS_DENY_NETWORKS keeps checks away from it"
    )


async def test_the_endpoints_certificate_is_verified_whatever_holds_for_the_target(
    tmp_path: Path,
) -> None:
    authority = issue("Test authority", authority=True)
    context = server_context(tmp_path, issue("endpoint", authority))
    with Target(Tokens(), context) as endpoint, Target(Protected("token-1")) as target:
        check = asking(target, endpoint, tls=TlsOptions(verify=False))
        outcome = await outcome_of(check)
        assert outcome.failure == "auth"
        assert outcome.error is not None
        assert outcome.error.startswith(f"no token from 127.0.0.1:{endpoint.port}: the certificate's issuer")
        ca = tmp_path / "authority.pem"
        ca.write_bytes(authority.pem)
        grant = replace(grant_at(endpoint.url), tls=TlsOptions(ca_file=str(ca)))
        assert (await outcome_of(replace(check, late_auth=grant))).status == "up"


async def test_what_this_host_lacks_is_our_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with Target(Protected()) as target:
        async with probing() as prober:

            async def none_free(*_args: object) -> None:
                raise OSError(errno.EMFILE, "too many open files")

            monkeypatch.setattr(prober._authorizer._fetcher, "_carry_out", none_free)
            outcome = await prober.probe(asking(target, "http://127.0.0.1:1/"))
    assert (outcome.status, outcome.failure) == ("inconclusive", "internal")
    assert outcome.error == "no token from 127.0.0.1:1: our own fault: too many open files"


async def test_a_defect_while_another_token_is_looked_for_ends_no_prober(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(*_args: object) -> bool:
        raise TypeError("a defect")

    with both(Tokens(), Protected()) as (endpoint, target):
        async with probing() as prober:
            monkeypatch.setattr(prober._authorizer, "has_another", broken)
            outcome = await prober.probe(asking(target, endpoint))
    assert (outcome.status, outcome.failure) == ("inconclusive", "internal")


async def test_a_prober_that_is_closed_ends_checks_that_wait_for_a_token() -> None:
    tokens = Tokens()
    tokens.held.clear()
    with both(tokens, Protected()) as (endpoint, target):
        prober = HttpProber(SystemClock())
        probe = asyncio.create_task(prober.probe(asking(target, endpoint)))
        await asyncio.to_thread(tokens.asked.acquire, timeout=30)
        await prober.aclose()
        outcome = await probe
    assert (outcome.status, outcome.failure) == ("inconclusive", "internal")
    assert outcome.error is not None
    assert outcome.error.endswith("our own fault: the prober was closed")
