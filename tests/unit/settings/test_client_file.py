"""KAFKA_CLIENT_CONFIG_FILE."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.settings.client_file import RESERVED, Line, read_client_file
from tests.unit.settings.environment import mistakes, settings


def written(tmp_path: Path, content: str | bytes) -> Path:
    file = tmp_path / "client.properties"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def mistake(tmp_path: Path, line: str) -> str:
    file = written(tmp_path, f"\n{line}\n")
    lines, [problem] = read_client_file(file)
    assert lines == ()
    assert problem.where == f"{file}:2"
    return problem.message


def test_lines_are_read_with_their_numbers(tmp_path: Path) -> None:
    text = "\ufeff# ours\n\nlinger.ms = 5\r\n  client.id=a=b \nmax.in.flight=5\nsasl.jaas.config=\n"
    assert read_client_file(written(tmp_path, text)) == (
        (
            Line(3, "linger.ms", "5"),
            Line(4, "client.id", "a=b"),
            Line(5, "max.in.flight", "5"),
            Line(6, "sasl.jaas.config", ""),
        ),
        (),
    )


@pytest.mark.parametrize("key", sorted(RESERVED))
def test_what_a_promise_stands_on_cannot_be_set(tmp_path: Path, key: str) -> None:
    message = mistake(tmp_path, f"{key}=x")
    assert message == f"{key}: cannot be set here: {RESERVED[key]}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("linger.ms", "must be `key=value`"),
        ("=5", "must be `key=value`"),
        ("error_cb=x", "error_cb: takes no text, so it cannot be set in a file"),
        ("opaque=x", "opaque: takes no text, so it cannot be set in a file"),
        (
            "max.in.flight=6",
            "max.in.flight: must be from 1 to 5: no result is lost or stored twice because of it",
        ),
        (
            "max.in.flight=0",
            "max.in.flight: must be from 1 to 5: no result is lost or stored twice because of it",
        ),
        (
            "max.in.flight=many",
            "max.in.flight: must be from 1 to 5: no result is lost or stored twice because of it",
        ),
    ],
)
def test_a_bad_line_is_told_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    assert mistake(tmp_path, line) == message


def test_a_key_twice_is_a_mistake_of_the_second_line(tmp_path: Path) -> None:
    file = written(tmp_path, "linger.ms=5\nlinger.ms=6\n")
    lines, [problem] = read_client_file(file)
    assert lines == (Line(1, "linger.ms", "5"),)
    assert str(problem) == f"{file}:2: linger.ms: already set in line 1"


def test_a_file_that_is_not_there_or_no_text_is_a_mistake(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    assert mistakes(KAFKA_CLIENT_CONFIG_FILE=str(missing)) == {
        "KAFKA_CLIENT_CONFIG_FILE": f"cannot read {missing}: no such file or directory"
    }
    binary = written(tmp_path, b"\xff\xfe")
    assert mistakes(KAFKA_CLIENT_CONFIG_FILE=str(binary)) == {
        "KAFKA_CLIENT_CONFIG_FILE": f"{binary} is not UTF-8 text"
    }


def test_its_lines_reach_the_settings_and_stay_out_of_their_repr(tmp_path: Path) -> None:
    file = written(tmp_path, "\nsasl.oauthbearer.client.secret=hunter2\n")
    kafka = settings(KAFKA_CLIENT_CONFIG_FILE=str(file)).kafka
    assert kafka.client_config == (("sasl.oauthbearer.client.secret", "hunter2"),)
    assert kafka.client_config_lines == (2,)
    assert "hunter2" not in repr(kafka)
