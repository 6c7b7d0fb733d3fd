"""Who is asked for a name when DNS is not the only one who may know it."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.probing.dns_names import DnsNames
from apistatus.probing.names import NoAddress, Said
from apistatus.probing.resolve import names_of
from apistatus.probing.system_names import SystemNames, knows_more_than_dns
from apistatus.probing.threads import Busy
from apistatus.probing.two_sources import TwoSources
from tests.fakes.names import ScriptedNames, answer


def _said(dns: Said, system: Said) -> tuple[Said, ScriptedNames]:
    first, second = ScriptedNames(printer=dns), ScriptedNames(printer=system)
    said: list[Said] = []
    TwoSources(first, second).ask("printer", 0, said.append)
    [only] = said
    return only, second


def test_what_dns_knows_is_not_asked_for_elsewhere() -> None:
    said, system = _said(answer("192.0.2.1"), answer("192.0.2.2"))
    assert said == answer("192.0.2.1")
    assert system.asked == []


def test_what_dns_does_not_know_the_system_is_asked_for() -> None:
    said, _ = _said(NoAddress("no such name, at 192.0.2.53"), answer("192.0.2.2"))
    assert said == answer("192.0.2.2")


@pytest.mark.parametrize("elsewhere", [NoAddress("not found"), OSError(16, "busy")])
def test_when_nobody_knows_it_the_words_are_those_of_dns(elsewhere: Said) -> None:
    said, _ = _said(NoAddress("no such name, at 192.0.2.53"), elsewhere)
    assert said == NoAddress("no such name, at 192.0.2.53; nor does the system find it elsewhere")


@pytest.mark.parametrize(
    "said", [NoAddress("no answer", is_silence=True), OSError(24, "Too many open files")]
)
def test_silence_and_trouble_of_our_own_are_told_as_they_are(said: Said) -> None:
    told, system = _said(said, answer("192.0.2.2"))
    assert told is said
    assert system.asked == []


def test_a_change_or_a_shortage_of_either_counts_and_both_are_closed() -> None:
    dns, system = ScriptedNames(), ScriptedNames()
    both = TwoSources(dns, system)
    assert not both.has_changed()
    dns.changed = True
    assert both.has_changed()
    system.busy = Busy("all threads are busy")
    assert both.starved("a", 0) is system.busy
    both.close()
    assert (dns.closed, system.closed) == (True, True)


@pytest.mark.parametrize(
    ("hosts", "more"),
    [
        ("hosts: files dns", False),
        ("hosts:\tdns [!UNAVAIL=return] files # mdns4", False),
        ("passwd: files systemd\nhosts: files mdns4_minimal [NOTFOUND=return] dns", True),
        ("hosts: files dns myhostname", True),
        ("hosts: files ldap dns", True),
        ("passwd: ldap", False),
        ("", False),
    ],
)
def test_nsswitch_conf_tells_whether_there_is_more_than_hosts_and_dns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hosts: str, more: bool
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    (tmp_path / "nsswitch.conf").write_text(f"# comment\n{hosts}\n")
    assert knows_more_than_dns(tmp_path / "nsswitch.conf") is more
    assert knows_more_than_dns(tmp_path / "none") is False


def test_the_settings_choose_who_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for more, kind in ((True, TwoSources), (False, DnsNames)):
        monkeypatch.setattr("apistatus.probing.resolve.knows_more_than_dns", lambda more=more: more)
        assert type(names_of("auto")) is kind
        assert type(names_of("auto", ["192.0.2.53"])) is DnsNames
        assert type(names_of("system")) is SystemNames
