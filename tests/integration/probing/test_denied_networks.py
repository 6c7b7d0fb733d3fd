"""Addresses that no check may reach: after name resolution, on every hop."""

from __future__ import annotations

import ipaddress

import pytest

from apistatus.model.check import Check
from apistatus.model.result import Outcome
from apistatus.probing.prober import HttpProber
from apistatus.probing.resolve import Resolver
from apistatus.runtime.clock import SystemClock
from tests.fakes import names
from tests.targets import behaviours
from tests.targets.checks import check_of
from tests.targets.server import Target, answer, replies


async def _outcome(check: Check, *networks: str, resolver: Resolver | None = None) -> Outcome:
    denied = [ipaddress.ip_network(one) for one in networks]
    prober = HttpProber(SystemClock(), deny_networks=denied, resolver=resolver)
    try:
        return await prober.probe(check)
    finally:
        await prober.aclose()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
async def test_a_denied_address_is_not_connected_to_whatever_it_is_called(host: str) -> None:
    with Target(behaviours.ok) as target:
        outcome = await _outcome(check_of(f"http://{host}:{target.port}/"), "127.0.0.0/8", "::1/128")
        assert target.accepted == 0
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "blocked", "connect")
    assert outcome.error is not None
    assert "APISTATUS_DENY_NETWORKS keeps checks away from it" in outcome.error


async def test_a_redirect_does_not_lead_around_it() -> None:
    with Target(behaviours.ok) as target:
        moved = answer(status="302 Found", headers=(f"Location: http://127.0.0.2:{target.port}/",))
        with Target(replies(moved)) as first:
            outcome = await _outcome(check_of(first.url), "127.0.0.2/32")
        assert target.accepted == 0
    assert (outcome.status, outcome.failure, outcome.redirects) == ("down", "blocked", 1)
    assert outcome.error == (
        "127.0.0.2 is in 127.0.0.2/32: APISTATUS_DENY_NETWORKS keeps checks away from it"
    )


async def test_of_several_addresses_those_that_are_allowed_are_tried() -> None:
    resolver = Resolver(names.ScriptedNames(**{"two.example": names.answer("127.0.0.2", "127.0.0.1")}))
    with Target(behaviours.ok) as target:
        check = check_of(f"http://two.example:{target.port}/")
        outcome = await _outcome(check, "127.0.0.2/32", resolver=resolver)
    assert (outcome.status, outcome.ip) == ("up", "127.0.0.1")


async def test_loopback_may_be_reached_when_the_list_does_not_name_it() -> None:
    with Target(behaviours.ok) as target:
        outcome = await _outcome(check_of(target.url), "169.254.0.0/16", "fe80::/10", "fd00:ec2::/32")
    assert outcome.status == "up"
