"""Prometheus' blackbox_exporter beside us, where it is installed: what one probe costs it."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from apistatus.bench import cost, programs
from apistatus.bench.python_floor import Unexpected, fetch

_NAMES: Final = ("blackbox_exporter", "prometheus-blackbox-exporter")
"""As its releases call it, and as Debian does."""
_CONDITIONS: Final = (
    ("a condition on the JSON body", 'fail_if_body_json_not_matches_cel: "body.queue.depth < 100"'),
    ("a regular expression on the body", 'fail_if_body_not_matches_regexp: ["\\"depth\\": [0-9]{1,2}[,}]"]'),
)
"""What is asked of the body, the best first: conditions came with 0.26."""
_ADDRESS: Final = re.compile(rb'msg="Listening on" address=127\.0\.0\.1:(\d+)')
_VERSION: Final = re.compile(rb"version (\d[\w.]*)")
_MODULE: Final = """\
modules:
  checked:
    prober: http
    timeout: 30s
    http:
      preferred_ip_protocol: ip4
      {condition}
      tls_config: {{ca_file: "{ca_file}"}}
"""
_SUCCESS: Final = b"\nprobe_success 1\n"
_STARTS_WITHIN_S: Final = 30.0


class Blackbox:
    """One that is installed; `condition` says what it can ask of a body."""

    def __init__(self, program: str, folder: Path, ca_file: str) -> None:
        """Raises Unexpected: it takes none of the configurations that it should."""
        self._program, self._file = program, folder / "blackbox.yml"
        for self.condition, line in _CONDITIONS:
            self._file.write_text(_MODULE.format(condition=line, ca_file=ca_file))
            if self._asked("--config.check").returncode == 0:
                break
        else:
            raise Unexpected(f"{program} takes no condition on a body")
        found = _VERSION.search(self._asked("--version").stdout)
        self.version = found[1].decode() if found else "of no known version"

    def probe_us(self, scheme: str, ports: list[int], count: int, at_once: int) -> float:
        """Microseconds of its processor time for one probe, asked for as Prometheus does, its answer included.

        Raises Unexpected when a probe fails.
        """
        with self._listening() as (pid, port):
            requests = [(port, _request(f"{scheme}://127.0.0.1:{target}/")) for target in ports]
            self._ask(requests, at_once, at_once)
            before_s = cost.cpu_s(pid)
            self._ask(requests, count, at_once)
            return (cost.cpu_s(pid) - before_s) * 1e6 / count

    @staticmethod
    def _ask(requests: list[tuple[int, bytes]], count: int, at_once: int) -> None:
        for page in fetch(requests, count, at_once):
            if _SUCCESS not in page:
                raise Unexpected(f"a probe of blackbox_exporter failed: {page[-400:]!r}")

    def _asked(self, question: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - a program that is installed
            [self._program, f"--config.file={self._file}", question],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=_STARTS_WITHIN_S, check=False,
        )  # fmt: skip

    @contextlib.contextmanager
    def _listening(self) -> Iterator[tuple[int, int]]:
        """Process id and port."""
        process = subprocess.Popen(  # noqa: S603 - a program that is installed, on loopback
            [self._program, f"--config.file={self._file}", "--web.listen-address=127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=lambda: programs.on_cpu(programs.CLIENT_CPU),
        )  # fmt: skip
        assert process.stderr is not None
        try:
            said = b""
            for line in process.stderr:
                said += line
                if found := _ADDRESS.search(line):
                    yield process.pid, int(found[1])
                    return
            raise Unexpected(f"{self._program} does not listen: {said.decode(errors='replace')}")
        finally:
            process.terminate()
            process.wait(_STARTS_WITHIN_S)
            process.stderr.close()


def installed(folder: Path, ca_file: str) -> Blackbox | None:
    """The one on the search path; None without one, or where nobody tells its processor time."""
    program = next((path for name in _NAMES if (path := shutil.which(name))), None)
    return Blackbox(program, folder, ca_file) if program and cost.is_known() else None


def _request(target: str) -> bytes:
    query = urlencode({"module": "checked", "target": target})
    return b"GET /probe?%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % query.encode()
