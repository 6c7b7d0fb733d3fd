"""Every kind of failure in the closed list is provoked by a real socket, through the command."""

from __future__ import annotations

import json
import resource
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apistatus.model.result import FAILURE_KINDS, FailureKind
from tests.services import command
from tests.targets.case import Case
from tests.targets.hostile import DENIED, serving
from tests.targets.server import reset
from tests.targets.table import CASES

Result = dict[str, Any]

# Kind -> the line of the table that provokes it, and what is said about it at three in the morning.
BY_THE_TABLE: dict[FailureKind, tuple[str, str]] = {
    "dns": ("a name that does not exist", "name.invalid"),
    "connect_refused": ("a closed port", "refused the connection"),
    "connect_unreachable": ("an address without a route", "cannot be reached: no route to its network"),
    "connect_timeout": ("a connection that nobody accepts", "did not answer within 5 s"),
    "tls_untrusted": ("an unknown authority", "CN=Trusted authority"),
    "tls_expired": ("an expired certificate", "the certificate expired on "),
    "tls_hostname": ("a certificate for another name", "is not for 127.0.0.1 but for www.example.org"),
    "tls_handshake": ("plain HTTP on a TLS port", "what it answers is not TLS"),
    "timeout": ("silence", "sent nothing within 5 s of the start"),
    "disconnected": ("more promised than sent", "in the middle of its response"),
    "protocol": ("SSH", "does not speak proper HTTP/1.1"),
    "too_large": ("a gzip bomb", "the body is larger than 200000 bytes"),
    "redirect": ("a circle of one", "the redirects go in a circle"),
    "blocked": ("a denied address", "APISTATUS_DENY_NETWORKS keeps checks away from it"),
    "auth": ("a refused client", "invalid_client"),
    "status": ("500", "status 500"),
    "assertion": ("missing number", "json $.depth: expected less_than 100"),
    "extract": ("an error page", "JSON"),
}


def _reset_while_connecting(folder: Path) -> Result:
    """The connection is accepted and reset before the command looks whether it was made."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        resetting = threading.Thread(target=lambda: reset(listener.accept()[0]), daemon=True)
        resetting.start()
        answer = command.run(
            "check-once", f"http://127.0.0.1:{port}/", "--output", "json",
            env={
                "APISTATUS_STATE_DIR": str(folder), "HELD_PORT": str(port),
                "PYTHONPATH": str(Path(__file__).with_name("injected")),
            },
        )  # fmt: skip
        resetting.join(command.PATIENCE_S)
    [result] = json.loads(answer.stdout)["results"]
    assert f"127.0.0.1:{port} reset the connection while it was made" in result["error"]
    return dict(result)


def _no_file_left(folder: Path) -> Result:
    """While two checks wait for their answers, the command loses the right to open one more file or socket: that
    of a third one, which begins when the first has its answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(command.PATIENCE_S)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        arguments = ["check-once", *(f"{url}/{n}" for n in range(3)), "--output", "jsonl", "--timeout", "60"]
        env = {"APISTATUS_STATE_DIR": str(folder), "APISTATUS_MAX_IN_FLIGHT": "2"}
        with command.Command(arguments, env, folder / "log") as running:
            first, last = listener.accept()[0], listener.accept()[0]
            with first, last:
                pid = running.process.pid
                soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
                first.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                running.wait_for_line("inconclusive")
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
                last.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                assert running.process.wait(command.PATIENCE_S) == 0, running.said
            results = [json.loads(line) for line in running.said.splitlines()]
    assert [result["status"] for result in results] == ["up", "inconclusive", "up"]
    assert "our own fault" in results[1]["error"]
    assert "too many open files" in results[1]["error"]
    return dict(results[1])


BY_ITSELF: dict[FailureKind, Callable[[Path], Result]] = {
    "connect_reset": _reset_while_connecting,
    "internal": _no_file_left,
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """Of one call on the lines of the table, by their names."""
    folder = tmp_path_factory.mktemp("kinds")
    by_name: dict[str, Case] = {case.name: case for case in CASES}
    chosen = [by_name[name] for name, _ in BY_THE_TABLE.values()]
    env = {
        "READER_CONF_FILE": str(folder / "readers.yml"), "APISTATUS_STATE_DIR": str(folder),
        "API_READ_INTERVAL_SECS": "60", "APISTATUS_DENY_NETWORKS": DENIED,
    }  # fmt: skip
    with serving(chosen, folder):
        answer = command.run("check-once", "--output", "json", env=env)
    assert (answer.returncode, answer.stderr) == (1, "")
    return {result["name"]: result for result in json.loads(answer.stdout)["results"]}


def test_no_kind_is_left_out() -> None:
    assert sorted([*BY_THE_TABLE, *BY_ITSELF]) == sorted(FAILURE_KINDS)


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_the_kind_is_provoked_and_its_cause_is_told(
    kind: FailureKind, results: dict[str, Result], tmp_path: Path
) -> None:
    if kind in BY_ITSELF:
        result = BY_ITSELF[kind](tmp_path)
    else:
        name, says = BY_THE_TABLE[kind]
        result = results[name]
        assert says in result["error"]
    assert result["failure"] == kind
    assert result["status"] == ("inconclusive" if kind == "internal" else "down")
    # Where a token was asked for is no phase of the check.
    assert kind == "auth" or result["phase"] in (
        "resolve",
        "connect",
        "tls",
        "send",
        "processing",
        "transfer",
        "body",
    )
    assert result["error"].isprintable()
