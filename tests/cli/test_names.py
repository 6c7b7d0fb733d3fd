"""Names, roads and the limit per host through the command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.counting_target import CountingTarget
from tests.services import command
from tests.targets.name_server import NXDOMAIN, SERVFAIL, A, Entry, NameServer, Record


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, names: NameServer) -> dict[str, str]:
    return {
        "READER_CONF_FILE": str(tmp_path / "names.yml"), "APISTATUS_STATE_DIR": str(tmp_path),
        "APISTATUS_NAME_SERVERS": names.address,
    }  # fmt: skip


def _results(place: dict[str, str], text: str) -> dict[str, dict[str, object]]:
    Path(place["READER_CONF_FILE"]).write_text(text)
    answer = command.json_of(command.run("check-once", "--output", "json", env=place))
    return {result["check"]: result for result in answer["results"]}


def test_a_name_is_looked_up_at_the_servers_that_are_named_and_what_they_say_is_told(
    place: dict[str, str], names: NameServer, target: CountingTarget
) -> None:
    port = target.url.rsplit(":", 1)[1]
    names.knows("shop.example", "127.0.0.1")
    names.entries["gone.example"] = Entry(code=NXDOMAIN)
    names.entries["sick.example"] = Entry(code=SERVFAIL)
    names.entries["bare.example"] = Entry()
    results = _results(
        place,
        "readers:\n"
        + "".join(
            f"  - {{name: {name}, url: 'http://{name}.example:{port}/{name}'}}\n"
            for name in ("shop", "gone", "sick", "bare")
        ),
    )
    assert (results["shop"]["status"], results["shop"]["ip"]) == ("up", "127.0.0.1")
    assert "resolve_us" in results["shop"]
    at = f", at {names.address} (name lookup of "
    assert {name: result.get("error") for name, result in results.items()} == {
        "shop": None,
        "gone": f"no such name{at}gone.example)",
        "sick": f"the name server failed (SERVFAIL){at}sick.example)",
        "bare": f"the name exists, but has no address{at}bare.example)",
    }
    assert {result.get("failure") for result in results.values()} == {None, "dns"}


def test_every_address_that_failed_is_in_the_error(place: dict[str, str], names: NameServer) -> None:
    names.entries["shop.example"] = Entry([Record(A, "127.0.0.8"), Record(A, "127.0.0.9")])
    [result] = _results(place, "readers: [{name: Shop, url: 'http://shop.example:9/'}]").values()
    assert result["failure"] == "connect_refused"
    assert "127.0.0.8:9 refused the connection" in str(result["error"])
    assert "127.0.0.9:9 refused the connection" in str(result["error"])


def test_connect_to_and_ip_family_are_the_checks_own(
    place: dict[str, str], names: NameServer, target: CountingTarget
) -> None:
    to = target.url.removeprefix("http://")
    names.knows("six.example", "::1")
    results = _results(
        place,
        f"""\
readers:
  - {{name: Moved, url: 'http://shop.example/moved', connect_to: '{to}'}}
  - {{name: Four, url: 'http://six.example/', ip_family: 4}}
""",
    )
    assert (results["moved"]["status"], results["moved"]["ip"]) == ("up", "127.0.0.1")
    assert results["moved"]["site"] == "http://shop.example"
    assert target.counts["moved"] == 1
    assert results["four"]["failure"] == "dns"
    assert "the name has no IPv4 address, and `ip_family` is 4" in str(results["four"]["error"])


def test_the_systems_resolver_can_be_chosen(place: dict[str, str], target: CountingTarget) -> None:
    del place["APISTATUS_NAME_SERVERS"]
    url = target.url.replace("127.0.0.1", "localhost")
    text = (
        f"readers: [{{name: Good, url: '{url}/good', ip_family: 4}}, {{name: Bad, url: 'http://x.invalid/'}}]"
    )
    results = _results({**place, "APISTATUS_RESOLVER": "system"}, text)
    assert results["good"]["status"] == "up"
    assert (results["bad"]["failure"], results["bad"]["error"]) == (
        "dns", "no such name (name lookup of x.invalid)",
    )  # fmt: skip


def test_no_more_checks_than_allowed_are_open_to_one_host(place: dict[str, str], names: NameServer) -> None:
    """Checks that are made at the same time share one look-up; one after the other each has its own."""
    names.knows("shop.example", "127.0.0.1", ttl_s=0)
    text = "readers:\n" + "".join(f"  - {{name: c{n}, url: 'http://shop.example:9/{n}'}}\n" for n in range(4))
    results = _results({**place, "APISTATUS_MAX_PER_HOST": "1"}, text)
    assert {result["failure"] for result in results.values()} == {"connect_refused"}
    assert names.asked.count(("shop.example", A)) >= 4
