"""A throw-away PostgreSQL on loopback, from the binaries of a wheel: for the demo and for tests."""

from __future__ import annotations

import ctypes
import os
import pwd
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, TypedDict

from apistatus.demo import postgres_binaries, postgres_family
from apistatus.demo.postgres_binaries import ServerFailed

StopMode = Literal["fast", "immediate"]

_SIGNALS: Final[dict[StopMode, signal.Signals]] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_PORT_TRIES: Final = 5
_START_TIMEOUT_S: Final = 60.0
_POLL_S: Final = 0.02
_IPC_RMID: Final = 0
_DEFAULTS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # In the data folder, where nothing outlives it; POSIX segments would stay in /dev/shm after a SIGKILL.
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "50",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# Ends the server when the pipe to us breaks, however we died, and removes a folder that nobody else knows.
_GUARD: Final = """read -r _
kill -INT "$1" 2>/dev/null
[ -n "$2" ] || exit 0
while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
rm -rf "$2"
"""


class _RunAs(TypedDict):
    user: int | None
    group: int | None
    extra_groups: list[int] | None


class PostgresServer:
    """One PostgreSQL cluster: `start` makes it when its folder is new. Use as a context manager.

    Without `folder` it lives in a temporary one that goes with it; a given folder stays until
    `remove`. Run by root, the server is `nobody` (PostgreSQL refuses root) and owns the folder.
    The server ends with the process that started it, even when that one is killed.
    """

    host: Final = "127.0.0.1"
    superuser: Final = "postgres"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        installation: Path | None = None,
        settings: Mapping[str, str] | None = None,
        hba: str | None = None,
        tls: tuple[bytes, bytes] | None = None,
    ) -> None:
        """`settings` are server parameters; `hba` replaces pg_hba.conf; `tls` is (certificate, key), PEM."""
        self._owns_folder = folder is None
        self.folder = folder.absolute() if folder else Path(tempfile.mkdtemp(prefix="apistatus-pg-"))
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.port = 0
        self._password_file = self.folder / "password"
        self._installation = installation or postgres_binaries.wheel_installation()
        self._settings = {**_DEFAULTS, **(settings or {})}
        self._hba, self._tls = hba, tls
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def password(self) -> str:
        """The superuser's password: random, kept in a file of the folder that only its owner reads."""
        return self._password_file.read_text().strip()

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster; None while it is not running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def binary(self, name: str) -> Path:
        """A program of the installation, `psql` for one."""
        return self._installation / "bin" / name

    def psql_command(self, database: str, user: str, password: str) -> str:
        """A shell line that opens the database for a person to look inside."""
        psql = self.binary("psql")
        program = shlex.quote(str(psql)) if psql.exists() else "psql"
        where = f"-h {self.host} -p {self.port} -U {shlex.quote(user)} -d {shlex.quote(database)}"
        return f"PGPASSWORD={shlex.quote(password)} {program} {where}"

    def start(self) -> None:
        """Start and wait until it takes connections. The port is the kernel's choice and then stays.

        Raises ServerFailed.
        """
        if self.pid is not None:
            return
        self.stop()  # One that ended by itself has left its guard.
        if not self.data.exists():
            self._make_cluster()
        deadline = time.monotonic() + _START_TIMEOUT_S
        for tries_left in reversed(range(_PORT_TRIES)):
            port = self.port or _free_port()
            self._launch(port)
            if self._comes_up(deadline):
                self.port = port
                return
            # Another process may have taken the port, or a killed server's last child still lives.
            if not tries_left or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        raise ServerFailed(f"PostgreSQL did not start; its log {self.log} ends:\n{self._last_words()}")

    def stop(self, mode: StopMode = "fast") -> None:
        """End it: `fast` rolls open transactions back and writes a checkpoint, `immediate` does not."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(_SIGNALS[mode])
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None
        self._dismiss_guard()

    def kill(self) -> None:
        """SIGKILL the server and all its children, as a crash of the machine would."""
        process = self._process
        if process is None:
            return
        children = list(postgres_family.children(process.pid))
        for pid in (process.pid, *children):
            postgres_family.kill(pid)
        process.wait()
        while any(postgres_family.is_alive(pid) for pid in children):
            time.sleep(_POLL_S)
        self._process = None
        self._dismiss_guard()

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop and start on the same port."""
        self.stop(mode)
        self.start()

    def remove(self) -> None:
        """Stop it and delete its folder."""
        self.stop("immediate")
        self._free_shared_memory()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            if self._owns_folder:
                self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._owns_folder:
            self.remove()
        else:
            self.stop()

    def _make_cluster(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            self._hand_over()
        self._write(self._password_file, secrets.token_urlsafe(18).encode())
        command = [
            str(self.binary("initdb")), "--pgdata", str(self.data), "--username", self.superuser,
            "--pwfile", str(self._password_file), "--auth", "scram-sha-256", "--encoding", "UTF8",
            "--locale", "C", "--no-sync",
        ]  # fmt: skip
        made = subprocess.run(  # noqa: S603  (a fixed command)
            command, env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=self.folder, check=False, **self._run_as(),
        )  # fmt: skip
        if made.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise ServerFailed(f"initdb failed:\n{made.stdout.decode(errors='replace').strip()}")
        if self._hba is not None:
            self._write(self.data / "pg_hba.conf", self._hba.encode())
        if self._tls is not None:
            self._write(self.data / "server.crt", self._tls[0])
            self._write(self.data / "server.key", self._tls[1])
            self._settings.setdefault("ssl", "on")
        lines = [f"{name} = '{value}'\n" for name, value in self._settings.items()]
        with (self.data / "postgresql.auto.conf").open("a") as file:
            file.writelines(lines)

    def _hand_over(self) -> None:
        """Let the unprivileged user own the folder and reach the binaries."""
        assert self._user is not None
        os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        postgres_binaries.require_reachable(self.folder, self._user.pw_name)
        self._installation = postgres_binaries.reachable(self._installation, self.folder / "postgresql")

    def _write(self, path: Path, content: bytes) -> None:
        path.touch(mode=0o600)
        path.write_bytes(content)
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _launch(self, port: int) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  (a fixed command)
                [str(self.binary("postgres")), "-D", str(self.data), "-p", str(port)],
                env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                # Ctrl+C in a terminal is for those who use the server, not for the server.
                start_new_session=True, **self._run_as(),
            )  # fmt: skip
        folder = str(self.folder) if self._owns_folder else ""
        self._guard = subprocess.Popen(  # noqa: S603  (a fixed command)
            ["/bin/sh", "-c", _GUARD, "guard", str(self._process.pid), folder],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, cwd="/", **self._run_as(),
        )  # fmt: skip

    def _comes_up(self, deadline: float) -> bool:
        """Wait for `ready` in the eighth line of postmaster.pid, as pg_ctl does (wait_for_postmaster)."""
        process = self._process
        assert process is not None
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            lines = _lines(self.data / "postmaster.pid")
            if len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return True
            time.sleep(_POLL_S)
        self.stop("immediate")
        return False

    def _dismiss_guard(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.kill()
            guard.wait()
            if guard.stdin:
                guard.stdin.close()

    def _free_shared_memory(self) -> None:
        """After a kill the small System V segment that guards the data folder is still there."""
        lines = _lines(self.data / "postmaster.pid")
        if len(lines) > 6 and len(segment := lines[6].split()) == 2:
            ctypes.CDLL(None).shmctl(int(segment[1]), _IPC_RMID, None)

    def _run_as(self) -> _RunAs:
        if self._user is None:
            return _RunAs(user=None, group=None, extra_groups=None)
        return _RunAs(user=self._user.pw_uid, group=self._user.pw_gid, extra_groups=[])

    @staticmethod
    def _environment() -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}

    def _last_words(self) -> str:
        return "\n".join(_lines(self.log)[-10:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
