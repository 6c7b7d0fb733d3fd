"""What is known of names, for how long, and who shares a look-up."""

from __future__ import annotations

import asyncio
import socket

import pytest

from apistatus.probing.names import NoAddress
from apistatus.probing.resolve import Address, NameNotResolved, Resolver
from apistatus.probing.threads import Busy
from tests.fakes.names import ScriptedNames, answer

S_NS = 1_000_000_000


class Rig:
    """A resolver over scripted names, on a clock that a test moves."""

    def __init__(self, most: int = 100) -> None:
        self.names, self.now_ns = ScriptedNames(), 0
        self.resolver = Resolver(self.names, now_ns=lambda: self.now_ns, most=most)

    async def ips(self, host: str = "a", port: int = 80, family: int = 0) -> list[str]:
        return [one.ip for one in (await self.resolver.lookup(host, port, family)).addresses]

    async def asks(self, host: str = "a") -> asyncio.Task[list[str]]:
        """A look-up that waits for its answer."""
        task = asyncio.create_task(self.ips(host))
        await asyncio.sleep(0)
        return task


async def test_an_answer_is_known_until_its_time_to_live_is_over() -> None:
    rig = Rig()
    rig.names.known["a"] = answer("192.0.2.1", "2001:db8::1", ttl_s=30)
    assert rig.resolver.known("a", 80) is None
    assert await rig.ips() == ["192.0.2.1", "2001:db8::1"]
    rig.now_ns = 30 * S_NS - 1
    assert rig.resolver.known("a", 80) == [
        Address(socket.AF_INET, "192.0.2.1", ("192.0.2.1", 80)),
        Address(socket.AF_INET6, "2001:db8::1", ("2001:db8::1", 80, 0, 0)),
    ]
    rig.now_ns = 30 * S_NS
    assert rig.resolver.known("a", 80) is None
    assert len(rig.names.asked) == 1


async def test_one_answer_serves_every_port_and_each_family_has_its_own() -> None:
    rig = Rig()
    rig.names.known["a"] = answer("192.0.2.1", ttl_s=30)
    await rig.ips(port=80)
    known = rig.resolver.known("a", 443)
    assert known is not None
    assert [one.sockaddr for one in known] == [("192.0.2.1", 443)]
    assert rig.resolver.known("a", 80, socket.AF_INET6) is None


async def test_an_answer_without_time_to_live_is_for_those_alone_who_asked() -> None:
    rig = Rig()
    rig.names.known["a"] = answer("192.0.2.1", ttl_s=0)
    assert await rig.ips() == ["192.0.2.1"]
    assert rig.resolver.known("a", 80) is None


async def test_nothing_is_known_for_longer_than_an_hour() -> None:
    rig = Rig()
    rig.names.known["a"] = answer("192.0.2.1", ttl_s=7 * 86_400)
    await rig.ips()
    rig.now_ns = 3600 * S_NS - 1
    assert rig.resolver.known("a", 80) is not None
    rig.now_ns += 1
    assert rig.resolver.known("a", 80) is None


async def test_a_failure_is_not_kept() -> None:
    rig = Rig()
    with pytest.raises(NameNotResolved, match=r"^no such name \(name lookup of a\)$"):
        await rig.ips()
    rig.names.known["a"] = answer("192.0.2.1")
    assert await rig.ips() == ["192.0.2.1"]


async def test_what_was_looked_up_first_gives_way_when_there_are_too_many() -> None:
    rig = Rig(most=2)
    for name in ("a", "b", "c"):
        rig.names.known[name] = answer("192.0.2.1", ttl_s=30)
        await rig.ips(name)
    assert [rig.resolver.known(name, 80) is not None for name in ("a", "b", "c")] == [False, True, True]


async def test_those_who_ask_for_a_name_at_the_same_time_share_a_look_up() -> None:
    rig = Rig()
    rig.names.is_slow, rig.names.known["a"] = True, answer("192.0.2.1")
    first, second = await rig.asks(), await rig.asks()
    assert rig.names.asked == [("a", 0)]
    rig.names.say()
    assert (await first, await second) == (["192.0.2.1"], ["192.0.2.1"])


async def test_one_that_runs_out_of_time_does_not_end_the_look_up_of_the_others() -> None:
    rig = Rig()
    rig.names.is_slow, rig.names.known["a"] = True, answer("192.0.2.1")
    first, second = await rig.asks(), await rig.asks()
    first.cancel()
    await asyncio.wait([first])
    rig.names.say()
    assert await second == ["192.0.2.1"]
    assert first.cancelled()


async def test_a_look_up_that_nobody_waits_for_is_not_joined_but_its_answer_still_counts() -> None:
    rig = Rig()
    rig.names.is_slow, rig.names.known["a"] = True, answer("192.0.2.1", ttl_s=30)
    given_up = await rig.asks()
    given_up.cancel()
    await asyncio.wait([given_up])
    again = await rig.asks()
    assert rig.names.asked == [("a", 0), ("a", 0)]
    late = rig.names.waiting.pop(0)[1]
    late(answer("192.0.2.7", ttl_s=30))
    known = rig.resolver.known("a", 80)
    assert known is not None
    assert known[0].ip == "192.0.2.7"
    rig.names.say()
    assert await again == ["192.0.2.1"]


async def test_silence_is_asked_again_as_long_as_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apistatus.probing.resolve._PAUSE_S", 0.0)
    rig = Rig()
    rig.names.is_slow, rig.names.known["a"] = True, NoAddress("no answer", is_silence=True)
    waits = await rig.asks()
    rig.names.say()
    while len(rig.names.asked) < 2:
        await asyncio.sleep(0)
    rig.names.known["a"] = answer("192.0.2.1")
    rig.names.say()
    assert await waits == ["192.0.2.1"]
    gives_up = await rig.asks("b")
    gives_up.cancel()
    await asyncio.wait([gives_up])
    asked = len(rig.names.asked)
    rig.names.known["b"] = NoAddress("no answer", is_silence=True)
    rig.names.say()
    await asyncio.sleep(0)
    assert len(rig.names.asked) == asked


async def test_a_change_of_the_system_makes_all_of_it_unknown_also_what_is_still_on_its_way() -> None:
    rig = Rig()
    rig.names.known["a"] = answer("192.0.2.1", ttl_s=30)
    await rig.ips()
    rig.names.is_slow, rig.names.known["b"] = True, answer("192.0.2.2", ttl_s=30)
    before = await rig.asks("b")
    rig.names.changed = True
    assert rig.resolver.known("a", 80) is None
    rig.names.say()
    assert await before == ["192.0.2.2"]
    assert rig.resolver.known("b", 80) is None


async def test_what_our_own_side_lacks_is_raised_as_such() -> None:
    rig = Rig()
    rig.names.known["a"] = OSError(24, "Too many open files")
    with pytest.raises(OSError, match="Too many open files"):
        await rig.ips()


async def test_closing_ends_what_is_under_way_as_our_own_doing() -> None:
    rig = Rig()
    rig.names.is_slow = True
    waits = await rig.asks()
    rig.resolver.close()
    with pytest.raises(OSError, match="the prober was closed"):
        await waits
    assert rig.names.closed


async def test_a_look_up_that_could_not_begin_is_told() -> None:
    rig = Rig()
    assert rig.resolver.starved("a") is None
    rig.names.busy = Busy("all threads are busy")
    assert rig.resolver.starved("a") is rig.names.busy


@pytest.mark.parametrize(
    ("host", "ip"),
    [
        ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("127.1", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0177.0.0.1", "127.0.0.1"),
    ],
)  # fmt: skip
def test_what_is_an_address_already_needs_no_look_up(host: str, ip: str) -> None:
    found = Resolver.literal(host, 8080)
    assert found is not None
    assert (found.ip, found.sockaddr[:2]) == (ip, (ip, 8080))


@pytest.mark.parametrize(
    "host", ["localhost", "a.example", "1.2.3.4.5", "256.256.256.256", "abc", "1.example"]
)
def test_names_are_no_addresses(host: str) -> None:
    assert Resolver.literal(host, 80) is None
