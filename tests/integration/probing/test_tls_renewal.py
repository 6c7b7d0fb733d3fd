"""Certificate files that are replaced while the prober runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apistatus.model.check import Check, TlsOptions
from apistatus.model.result import Outcome
from apistatus.probing import tls_files
from apistatus.probing.prober import HttpProber
from apistatus.probing.tls_engines import EngineChoice
from tests.targets.certificates import Issued, issue, server_context
from tests.targets.checks import check_of, probing
from tests.targets.renewal import Names, Volume
from tests.targets.server import Connection, Target, answer, read_request

each_engine = pytest.mark.parametrize("engine", ["rustls", "openssl", "auto"])
MOST_PROBES = 20_000
"""Each is a question to a target on loopback; the change is there after a few."""


@pytest.fixture
def authority() -> Issued:
    return issue("Test authority", authority=True)


@pytest.fixture
def volume(tmp_path: Path, authority: Issued, monkeypatch: pytest.MonkeyPatch) -> Volume:
    monkeypatch.setattr(tls_files, "LOOK_AGAIN_S", 0.01)
    made = Volume(tmp_path, authority)
    made.swap("first")
    return made


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def target(tmp_path: Path, authority: Issued, volume: Volume, names: Names) -> Iterator[Target]:
    context = volume.server_context(tmp_path)
    with Target(names, context) as running:
        yield running


async def _probe_until(prober: HttpProber, check: Check, holds: Callable[[], bool]) -> Outcome:
    for _ in range(MOST_PROBES):
        outcome = await prober.probe(check)
        assert outcome.status == "up", outcome.error
        if holds():
            return outcome
    raise AssertionError(f"{MOST_PROBES} probes in vain")


@each_engine
async def test_the_next_connection_presents_a_renewed_certificate(
    target: Target, volume: Volume, names: Names, engine: EngineChoice
) -> None:
    check, before = check_of(target.url, tls=volume.options), set(threading.enumerate())
    async with probing(engine) as prober:
        assert (await prober.probe(check)).status == "up"
        volume.swap("second")
        await _probe_until(prober, check, lambda: names.seen[-1] == "second")
        started = set(threading.enumerate()) - before
        [watching] = [thread for thread in started if thread.name == "apistatus-tls-files"]
    watching.join(30)
    assert not watching.is_alive()
    assert set(names.seen) == {"first", "second"}


@each_engine
async def test_kept_connections_made_with_the_old_certificate_are_closed(
    target: Target, volume: Volume, names: Names, engine: EngineChoice
) -> None:
    check = check_of(target.url, tls=volume.options, keep_alive=True)
    async with probing(engine) as prober:
        await prober.probe(check)
        assert (await prober.probe(check)).reused
        assert names.seen == ["first"]
        volume.swap("second")
        outcome = await _probe_until(prober, check, lambda: len(names.seen) > 1)
        assert not outcome.reused
        assert target.gone.acquire(timeout=30), "the old connection stands"
        assert (await prober.probe(check)).reused
    assert names.seen == ["first", "second"]


@each_engine
async def test_a_broken_certificate_leaves_the_old_one_in_use_until_it_is_mended(
    target: Target, volume: Volume, names: Names, engine: EngineChoice, caplog: pytest.LogCaptureFixture
) -> None:
    check = check_of(target.url, tls=volume.options)
    async with probing(engine) as prober:
        await prober.probe(check)
        volume.swap("broken", key=issue("of another").key_pem)
        await _probe_until(prober, check, lambda: "tls.files_unusable" in caplog.messages)
        assert set(names.seen) == {"first"}
        volume.swap("mended")
        await _probe_until(prober, check, lambda: names.seen[-1] == "mended")
    assert caplog.messages.count("tls.files_unusable") == 1
    assert set(names.seen) == {"first", "mended"}
    [said] = [record for record in caplog.records if record.getMessage() == "tls.files_unusable"]
    assert str(volume.options.cert_file) in vars(said)["fields"]["problem"]


async def test_a_renewed_authority_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_files, "LOOK_AGAIN_S", 0.01)
    old, new = issue("Old authority", authority=True), issue("New authority", authority=True)
    file = tmp_path / "ca.pem"
    file.write_bytes(old.pem)

    def answers(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(answer())

    with Target(answers, server_context(tmp_path, issue("good", new))) as target:
        check = check_of(target.url, tls=TlsOptions(ca_file=str(file)))
        async with probing() as prober:
            outcome = await prober.probe(check)
            assert outcome.failure == "tls_untrusted"
            file.write_bytes(old.pem + new.pem)
            for _ in range(MOST_PROBES):
                outcome = await prober.probe(check)
                if outcome.status == "up":
                    break
    assert outcome.status == "up", outcome.error
