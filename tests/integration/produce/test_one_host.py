"""A real `produce` whose checks all lead to one host, by a name of the test's own name server."""

from __future__ import annotations

import select
import threading
from pathlib import Path

from tests.services.command import Command, wait_until
from tests.targets.name_server import NameServer
from tests.targets.server import Connection, Target, answer, read_request


class Crowd:
    """Holds every request until `gate` is open, and knows how many clients waited at once."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.most = 0
        self.paths: set[bytes] = set()
        self._held: set[Connection] = set()
        self._lock = threading.Lock()

    def __call__(self, connection: Connection, target: Target) -> None:
        path = read_request(connection, target).split()[1]
        with self._lock:
            self._held.add(connection)
            self.most = max(self.most, sum(_still_waits(one) for one in self._held))
            self.paths.add(path)
        try:
            self.gate.wait(60)
            connection.sendall(answer())
        finally:
            with self._lock:
                self._held.discard(connection)


def _still_waits(connection: Connection) -> bool:
    """False once the client has closed its side, as it does before it makes the next connection."""
    readable, _, _ = select.select([connection], [], [], 0)
    return not readable


def test_no_more_checks_than_allowed_are_open_to_it_and_none_is_left_out(tmp_path: Path) -> None:
    crowd = Crowd()
    with NameServer() as names, Target(crowd) as target:
        names.knows("shop.example", "127.0.0.1")
        checks = "".join(
            f"  - {{name: c{n}, url: 'http://shop.example:{target.port}/{n}'}}\n" for n in range(6)
        )
        (tmp_path / "checks.yml").write_text(
            f"defaults: {{interval: 1s, timeout: 900ms}}\nreaders:\n{checks}"
        )
        environ = {
            "READER_CONF_FILE": str(tmp_path / "checks.yml"), "APISTATUS_STATE_DIR": str(tmp_path),
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "APISTATUS_NAME_SERVERS": names.address,
            "APISTATUS_MAX_PER_HOST": "2", "LOG_LEVEL": "INFO",
        }  # fmt: skip
        with Command(["produce", "--listen", "127.0.0.1:0"], environ, tmp_path / "produce.log") as produce:
            missed = "apistatus_results_total", '{status="missed"}'
            try:
                wait_until(lambda: produce.metric(*missed) >= 4, "ticks that waited in vain")
                assert crowd.most == 2
            finally:
                crowd.gate.set()
            wait_until(lambda: len(crowd.paths) == 6, "a request of every check")
            assert crowd.most == 2
            wait_until(lambda: produce.metric("apistatus_loop_lag_seconds_count") > 0, "the loop's lag")
            assert produce.metric("apistatus_loop_lag_seconds_sum") >= 0
            produce.stop()
            assert "Traceback" not in produce.said
    assert names.asked.count(("shop.example", 1)) < len(target.requests)
