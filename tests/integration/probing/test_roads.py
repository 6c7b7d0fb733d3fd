"""`connect_to` and `ip_family`: how a host is reached, and that nothing else of a check changes with it."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import pytest

from apistatus.model.check import TlsOptions
from apistatus.probing.prober import HttpProber
from apistatus.probing.resolve import Resolver
from apistatus.runtime.clock import SystemClock
from tests.fakes.names import ScriptedNames, answer
from tests.targets import behaviours, server
from tests.targets.certificates import issue, server_context
from tests.targets.checks import check_of, outcome_of, probing
from tests.targets.server import Behaviour, Connection, Target, read_request


def _answers(connection: Connection, target: Target) -> None:
    while read_request(connection, target):
        connection.sendall(server.answer())


def _leads_to(location: str) -> Behaviour:
    def behaviour(connection: Connection, target: Target) -> None:
        if read_request(connection, target).split()[1] == b"/":
            connection.sendall(server.answer(status="302 Found", headers=(f"Location: {location}",)))
        else:
            connection.sendall(server.answer(b"there"))

    return behaviour


@pytest.mark.parametrize("place", ["127.0.0.1", "new.example"])
async def test_another_place_is_connected_to_and_the_request_stays_the_same(place: str) -> None:
    names = ScriptedNames(**{"new.example": answer("127.0.0.1")})
    with Target(behaviours.ok) as target:
        check = check_of("http://shop.example:8080/a", connect_to=(place, target.port))
        outcome = await outcome_of(check, names=names)
    assert (outcome.status, outcome.ip) == ("up", "127.0.0.1")
    assert target.requests[0].startswith(b"GET /a HTTP/1.1\r\nHost: shop.example:8080\r\n")
    assert [name for name, _ in names.asked] == ([] if place == "127.0.0.1" else ["new.example"])


async def test_the_certificate_is_held_against_the_name_in_the_url(tmp_path: Path) -> None:
    authority = issue("Test authority", authority=True)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    trust = TlsOptions(ca_file=str(tmp_path / "ca.pem"))
    asked_for: list[str | None] = []
    for name, names in (("shop", ("shop.example",)), ("other", ("127.0.0.1", "other.example"))):
        context = server_context(tmp_path, issue(name, authority, names=names))
        context.sni_callback = lambda _socket, asked, _context: asked_for.append(asked)
        with Target(behaviours.ok, context) as target:
            check = check_of("https://shop.example/", tls=trust, connect_to=("127.0.0.1", target.port))
            outcome = await outcome_of(check)
        assert (outcome.status, outcome.failure) == (
            ("up", None) if name == "shop" else ("down", "tls_hostname")
        ), outcome
    assert set(asked_for) == {"shop.example"}


async def test_a_failure_names_the_place_that_was_connected_to(closed: int) -> None:
    outcome = await outcome_of(check_of("http://shop.example/", connect_to=("127.0.0.1", closed)))
    assert (outcome.failure, outcome.error) == (
        "connect_refused",
        f"127.0.0.1:{closed} refused the connection",
    )
    outcome = await outcome_of(
        check_of("http://shop.example/", connect_to=("new.example", 80)), names=ScriptedNames()
    )
    assert (outcome.failure, outcome.error) == ("dns", "no such name (name lookup of new.example)")


async def test_an_ipv6_place_is_connected_to_as_such() -> None:
    outcome = await outcome_of(check_of("http://shop.example/", connect_to=("::1", 9), timeout_us=5_000_000))
    assert (outcome.status, outcome.ip) == ("down", "::1")
    assert outcome.error is not None
    assert outcome.error.startswith("[::1]:9 ")


async def test_denied_networks_hold_for_the_place_that_is_reached() -> None:
    prober = HttpProber(SystemClock(), deny_networks=[ipaddress.ip_network("127.0.0.0/8")])
    try:
        outcome = await prober.probe(check_of("http://192.0.2.1/", connect_to=("127.0.0.1", 80)))
    finally:
        await prober.aclose()
    assert (outcome.status, outcome.failure) == ("down", "blocked")
    assert outcome.error is not None
    assert outcome.error.startswith("127.0.0.1 is in 127.0.0.0/8")


async def test_a_redirect_within_the_checks_origin_goes_there_too_and_one_to_another_does_not() -> None:
    with Target(_leads_to("/there")) as target:
        check = check_of("http://shop.example/", connect_to=("127.0.0.1", target.port))
        outcome = await outcome_of(check)
        assert (outcome.status, outcome.redirects, target.accepted) == ("up", 1, 2)
    names = ScriptedNames(**{"shop.example": answer("127.0.0.9")})
    with Target(behaviours.ok) as other, Target(_leads_to(f"http://shop.example:{other.port}/b")) as target:
        names.known["shop.example"] = answer("127.0.0.1")
        check = check_of("http://shop.example/", connect_to=("127.0.0.1", target.port))
        outcome = await outcome_of(check, names=names)
        assert (outcome.status, outcome.redirects) == ("up", 1)
        assert (target.accepted, other.accepted) == (1, 1)
    assert names.asked == [("shop.example", 0)]


async def test_a_kept_connection_serves_only_checks_that_want_the_same_road() -> None:
    names = ScriptedNames(**{"shop.example": answer("127.0.0.1")})
    with Target(_answers) as target:
        url = f"http://shop.example:{target.port}/"
        roads: list[dict[str, object]] = [
            {}, {"connect_to": ("127.0.0.1", target.port)}, {"ip_family": 4},
        ]  # fmt: skip
        async with probing(names=names) as prober:
            reused = [
                (await prober.probe(check_of(url, id=f"c{n}", keep_alive=True, **road))).reused
                for _ in range(2)
                for n, road in enumerate(roads)
            ]
    assert reused == [False, False, False, True, True, True]


@pytest.mark.parametrize(("version", "family"), [(4, socket.AF_INET), (6, socket.AF_INET6), (None, 0)])
async def test_only_the_wanted_version_of_ip_is_asked_for(version: int | None, family: int) -> None:
    names = ScriptedNames(**{"shop.example": answer("127.0.0.1")})
    with Target(behaviours.ok) as target:
        outcome = await outcome_of(
            check_of(f"http://shop.example:{target.port}/", ip_family=version), names=names
        )
    assert outcome.status == "up"
    assert names.asked == [("shop.example", family)]


async def test_a_redirect_to_an_address_of_the_other_version_is_told() -> None:
    with Target(_leads_to("http://[::1]:9/")) as target:
        outcome = await outcome_of(check_of(target.url, ip_family=4))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "dns", "resolve")
    assert outcome.error == "::1 is an IPv6 address, and `ip_family` is 4"


async def test_a_name_without_an_address_of_that_version_is_told() -> None:
    async with probing() as prober:
        outcome = await prober.probe(check_of("http://name.invalid/", ip_family=6))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "dns", "resolve")
    assert outcome.error is not None
    assert "the name has no IPv6 address, and `ip_family` is 6" in outcome.error


async def test_two_ports_of_one_name_share_what_is_known_of_it() -> None:
    names = ScriptedNames(**{"shop.example": answer("127.0.0.1", ttl_s=60)})
    prober = HttpProber(SystemClock(), resolver=Resolver(names))
    try:
        with Target(behaviours.ok) as one, Target(behaviours.ok) as other:
            for target in (one, other):
                outcome = await prober.probe(
                    check_of(f"http://shop.example:{target.port}/", id=str(target.port))
                )
                assert outcome.status == "up"
    finally:
        await prober.aclose()
    assert names.asked == [("shop.example", 0)]
