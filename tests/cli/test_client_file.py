"""KAFKA_CLIENT_CONFIG_FILE through `config check`: every line that cannot work, as file:line."""

from __future__ import annotations

from pathlib import Path

from tests.services import command


def test_every_bad_line_is_named_and_nothing_is_connected_to(tmp_path: Path) -> None:
    (tmp_path / "checks.yml").write_text("readers:\n  - {name: Home, site: http://127.0.0.1:1}\n")
    file = tmp_path / "client.properties"
    file.write_text(
        "# a comment\nlinger.ms=5\nlinger.millis=5\nacks=1\nsocket.timeout.ms=soon\nfetch.min.bytes=1\n"
    )
    env = {
        "READER_CONF_FILE": str(tmp_path / "checks.yml"), "APISTATUS_STATE_DIR": str(tmp_path),
        "KAFKA_CLIENT_CONFIG_FILE": str(file),
    }  # fmt: skip
    reserved = command.run("config", "check", env=env)
    assert reserved.returncode == 2
    assert f"{file}:4: acks" in reserved.stderr
    file.write_text(file.read_text().replace("acks=1\n", ""))
    answer = command.run("config", "check", env=env)
    assert answer.returncode == 2
    assert f"{file}:3: linger.millis" in answer.stderr
    assert f"{file}:4: socket.timeout.ms" in answer.stderr
    assert answer.stderr.count(str(file)) == 2
