"""`produce` goes on with a client certificate that is renewed on disk, and without one that is broken."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.services.command import Command, wait_until
from tests.targets.certificates import issue
from tests.targets.ports import closed_port
from tests.targets.renewal import Names, Volume
from tests.targets.server import Target


def test_a_renewed_certificate_is_presented_without_a_restart(tmp_path: Path) -> None:
    volume, names = Volume(tmp_path, issue("Test authority", authority=True)), Names()
    volume.swap("first")
    tls = "{ca_file: ca.pem, cert_file: tls.crt, key_file: tls.key}"
    with Target(names, volume.server_context(tmp_path)) as target, closed_port() as no_kafka:
        (tmp_path / "checks.yml").write_text(
            f"checks: [{{name: Mine, url: '{target.url}', interval: 3s, timeout: 2900ms, tls: {tls}, "
            "keep_alive: true}]"
        )
        env = {
            "READER_CONF_FILE": str(tmp_path / "checks.yml"), "APISTATUS_STATE_DIR": str(tmp_path / "state"),
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{no_kafka}",
        }  # fmt: skip
        with Command(["produce", "--log-level", "INFO"], env, tmp_path / "log") as produce:
            wait_until(lambda: names.seen, "the first connection")
            volume.swap("second")
            wait_until(lambda: names.seen[-1] == "second", "a connection with the second certificate")
            assert names.seen == ["first", "second"], "a kept connection is made once for each certificate"
            volume.swap("broken", key=issue("of another").key_pem)
            produce.wait_for_line("tls.files_unusable")
            volume.swap("third")
            wait_until(lambda: names.seen[-1] == "third", "a connection with the third certificate")
            produce.process.send_signal(signal.SIGTERM)
            assert produce.process.wait(60) == 0, produce.said
        assert names.seen == ["first", "second", "third"]
        assert produce.said.count("tls.files_unusable") == 1
        assert produce.said.count("tls.files_taken") == 2
