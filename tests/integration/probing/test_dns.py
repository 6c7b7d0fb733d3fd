"""Names by real DNS: our resolver against a name server of the test's own, over the loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from apistatus.probing.dns_names import DnsNames
from apistatus.probing.resolve import NameNotResolved, Resolver
from tests.targets import behaviours
from tests.targets.checks import check_of, probing
from tests.targets.name_server import AAAA, CNAME, NXDOMAIN, REFUSED, SERVFAIL, A, Entry, NameServer, Record
from tests.targets.server import Target


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer() as running:
        yield running


@asynccontextmanager
async def resolving(*servers: str) -> AsyncIterator[Resolver]:
    resolver = Resolver(DnsNames(servers))
    try:
        yield resolver
    finally:
        resolver.close()


async def ips(resolver: Resolver, name: str, family: int = 0) -> list[str]:
    return [one.ip for one in (await resolver.lookup(name, 80, family)).addresses]


async def test_both_versions_are_asked_for_and_known_for_the_shorter_time_to_live(server: NameServer) -> None:
    now_ns = 0
    server.entries["a.example"] = Entry([Record(A, "127.0.0.1", 60), Record(AAAA, "::1", 30)])
    resolver = Resolver(DnsNames([server.address]), now_ns=lambda: now_ns)
    try:
        assert sorted(await ips(resolver, "a.example")) == ["127.0.0.1", "::1"]
        assert sorted(server.asked) == [("a.example", A), ("a.example", AAAA)]
        now_ns = 29_999_999_999
        assert resolver.known("a.example", 80) is not None
        now_ns += 1
        assert resolver.known("a.example", 80) is None
    finally:
        resolver.close()


async def test_one_version_is_asked_for_alone(server: NameServer) -> None:
    server.knows("a.example", "127.0.0.1", "::1")
    async with resolving(server.address) as resolver:
        assert await ips(resolver, "a.example", socket.AF_INET6) == ["::1"]
    assert server.asked == [("a.example", AAAA)]


async def test_an_alias_is_followed_and_its_time_to_live_counts_too(server: NameServer) -> None:
    server.entries["www.example"] = Entry([Record(CNAME, "cdn.example", 5)])
    server.entries["cdn.example"] = Entry([Record(CNAME, "edge.example", 60)])
    server.knows("edge.example", "127.0.0.1", ttl_s=60)
    now_ns = 0
    resolver = Resolver(DnsNames([server.address]), now_ns=lambda: now_ns)
    try:
        assert await ips(resolver, "www.example") == ["127.0.0.1"]
        now_ns = 5_000_000_000
        assert resolver.known("www.example", 80) is None
    finally:
        resolver.close()


async def test_an_answer_that_may_not_be_kept_is_asked_for_every_time(server: NameServer) -> None:
    server.knows("a.example", "127.0.0.1", ttl_s=0)
    async with resolving(server.address) as resolver:
        for _ in range(3):
            assert await ips(resolver, "a.example", socket.AF_INET) == ["127.0.0.1"]
    assert len(server.asked) >= 3


async def test_many_that_ask_at_once_send_one_question(server: NameServer) -> None:
    hold = threading.Event()
    server.entries["a.example"] = Entry([Record(A, "127.0.0.1", 0)], held=hold)
    async with resolving(server.address) as resolver:
        asking = [asyncio.create_task(ips(resolver, "a.example", socket.AF_INET)) for _ in range(50)]
        while not server.asked:
            await asyncio.sleep(0.005)
        hold.set()
        assert {tuple(found) for found in await asyncio.gather(*asking)} == {("127.0.0.1",)}
        assert set(server.asked) == {("a.example", A)}


async def test_an_answer_that_does_not_fit_is_asked_for_over_tcp(server: NameServer) -> None:
    server.entries["big.example"] = Entry([Record(A, f"127.0.1.{n}") for n in range(200)], needs_tcp=True)
    async with resolving(server.address) as resolver:
        assert len(await ips(resolver, "big.example", socket.AF_INET)) == 200
    assert server.asked_over_tcp == ["big.example"]


async def test_an_answer_with_another_number_is_not_believed(server: NameServer) -> None:
    server.entries["a.example"] = Entry([Record(A, "127.0.0.1")], lies_first=True)
    async with resolving(server.address) as resolver:
        assert await ips(resolver, "a.example", socket.AF_INET) == ["127.0.0.1"]


async def test_an_answer_that_makes_no_sense_does_not_undo_other_lookups(server: NameServer) -> None:
    held = threading.Event()
    server.entries["bad.example"] = Entry(makes_no_sense=True)
    server.entries["a.example"] = Entry([Record(A, "127.0.0.1")], held=held)
    async with resolving(server.address) as resolver:
        other = asyncio.ensure_future(ips(resolver, "a.example", socket.AF_INET))
        with pytest.raises(NameNotResolved, match="the name server's answer makes no sense"):
            await ips(resolver, "bad.example")
        held.set()
        assert await other == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Entry(code=NXDOMAIN), "no such name"),
        (Entry(), "the name exists, but has no address"),
        (Entry(code=SERVFAIL), "the name server failed (SERVFAIL)"),
        (Entry(code=REFUSED), "the name server refuses to answer (REFUSED)"),
    ],
)
async def test_what_the_server_says_is_told_apart(server: NameServer, entry: Entry, says: str) -> None:
    server.entries["a.example"] = entry
    async with resolving(server.address) as resolver:
        with pytest.raises(NameNotResolved) as told:
            await ips(resolver, "a.example")
    assert str(told.value) == f"{says}, at {server.address} (name lookup of a.example)"


async def test_a_server_that_is_not_there_is_told_apart_too(server: NameServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        # Connected to somebody else: others who send to it are told that nobody is there, and nobody else gets it.
        held.connect(("127.0.0.1", 9))
        async with resolving(f"127.0.0.1:{port}") as resolver:
            with pytest.raises(NameNotResolved) as told:
                await ips(resolver, "a.example")
    assert str(told.value).startswith(f"no name server can be reached, at 127.0.0.1:{port}")


async def test_a_name_without_an_address_of_the_wanted_version_says_so(server: NameServer) -> None:
    server.knows("a.example", "127.0.0.1")
    async with resolving(server.address) as resolver:
        with pytest.raises(NameNotResolved, match="the name has no IPv6 address, and `ip_family` is 6"):
            await ips(resolver, "a.example", socket.AF_INET6)


async def test_a_silent_server_ends_at_the_deadline_of_each_check(server: NameServer) -> None:
    server.entries["a.example"] = Entry(says_nothing=True)
    async with probing(names=DnsNames([server.address])) as prober:
        outcome = await prober.probe(check_of("http://a.example/", timeout_us=300_000))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "dns", "resolve")
    assert outcome.error == "no answer to the name lookup of a.example within 0.3 s"


async def test_a_server_that_is_slow_to_find_out_is_asked_again_within_the_timeout(
    server: NameServer,
) -> None:
    """Once c-ares knows a server as fast it gives up on a question after few seconds."""
    for number in range(4):
        server.knows(f"quick{number}.example", "127.0.0.1")
    server.entries["slow.example"] = Entry(says_nothing=True)
    async with resolving(server.address) as resolver:
        for number in range(4):
            await ips(resolver, f"quick{number}.example", socket.AF_INET)
        waits = asyncio.create_task(ips(resolver, "slow.example", socket.AF_INET))
        while server.asked.count(("slow.example", A)) <= 4:
            await asyncio.sleep(0.02)
        server.knows("slow.example", "127.0.0.1")
        assert await waits == ["127.0.0.1"]


async def test_no_such_name_is_kept_as_long_as_the_zone_says_and_else_not_at_all(server: NameServer) -> None:
    server.entries["kept.example"] = Entry(code=NXDOMAIN, negative_ttl_s=600)
    server.entries["asked.example"] = Entry(code=NXDOMAIN)
    async with resolving(server.address) as resolver:
        for name in ("kept.example", "kept.example", "asked.example", "asked.example"):
            with pytest.raises(NameNotResolved, match="no such name"):
                await ips(resolver, name)
    asked = [name for name, _ in server.asked]
    # Both versions each time; a question that was slow to be answered may have been sent twice.
    assert asked.count("kept.example") == 2
    assert asked.count("asked.example") >= 4


async def test_search_domains_apply_and_when_the_systems_files_change_they_are_read_anew(
    server: NameServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = tmp_path / "resolv.conf"
    watched.touch()
    monkeypatch.setattr("apistatus.probing.dns_names._LOOK_NS", 0)
    monkeypatch.setattr("apistatus.probing.dns_names._FILES", (watched,))
    # What c-ares reads beside resolv.conf, which a test cannot change.
    monkeypatch.setenv("LOCALDOMAIN", "one.example")
    monkeypatch.setenv("RES_OPTIONS", "ndots:2")
    server.knows("shop.one.example", "127.0.0.1")
    server.knows("www.shop.one.example", "127.0.0.3")
    server.knows("shop.two.example", "127.0.0.2")
    async with resolving(server.address) as resolver:
        assert resolver.known("shop", 80) is None
        assert await ips(resolver, "shop") == ["127.0.0.1"]
        assert await ips(resolver, "www.shop") == ["127.0.0.3"]
        assert resolver.known("shop", 80) is not None
        monkeypatch.setenv("LOCALDOMAIN", "two.example")
        assert resolver.known("shop", 80) is not None
        watched.write_text("changed")
        assert resolver.known("shop", 80) is None
        assert await ips(resolver, "shop") == ["127.0.0.2"]
    assert server.asked[0][0] == "shop.one.example"


async def test_hosts_comes_first_and_a_change_of_it_is_seen_at_once(
    server: NameServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.2 shop.example # mine\n")
    monkeypatch.setenv("CARES_HOSTS", str(hosts))
    server.knows("shop.example", "127.0.0.1")
    async with resolving(server.address) as resolver:
        assert await ips(resolver, "shop.example") == ["127.0.0.2"]
        assert server.asked == []
        hosts.write_text("127.0.0.23 shop.example # somebody else's\n")
        assert await ips(resolver, "shop.example") == ["127.0.0.23"]


@pytest.mark.parametrize("name", ["localhost", "localhost.", "shop.localhost"])
async def test_localhost_is_this_host_and_nobody_is_asked(server: NameServer, name: str) -> None:
    async with resolving(server.address) as resolver:
        assert "127.0.0.1" in await ips(resolver, name)
    assert server.asked == []


async def test_a_known_address_has_no_resolve_phase(server: NameServer) -> None:
    server.knows("shop.example", "127.0.0.1")
    with Target(behaviours.ok) as target:
        check = check_of(f"http://shop.example:{target.port}/")
        async with probing(names=DnsNames([server.address])) as prober:
            first, second = await prober.probe(check), await prober.probe(check)
    assert (first.status, second.status) == ("up", "up")
    assert first.resolve_us is not None
    assert second.resolve_us is None


async def test_no_thread_is_made_for_a_look_up_and_no_socket_stays_open(server: NameServer) -> None:
    for number in range(200):
        server.knows(f"host{number}.example", "127.0.0.1")
    server.entries["silent.example"] = Entry(says_nothing=True)
    before = set(threading.enumerate())
    async with resolving(server.address) as resolver:
        await ips(resolver, "host0.example")
        await asyncio.gather(*(ips(resolver, f"host{number}.example") for number in range(200)))
        waits = asyncio.create_task(ips(resolver, "silent.example"))
        while ("silent.example", A) not in server.asked:
            await asyncio.sleep(0.005)
        names = {thread.name for thread in set(threading.enumerate()) - before}
        assert not [name for name in names if name.startswith("apistatus-resolve")]
    with pytest.raises(OSError, match="closed"):
        await waits
    loop = asyncio.get_running_loop()
    assert [
        key for key in loop._selector.get_map().values() if key.data[0] and key.fd != loop._ssock.fileno()
    ] == []
