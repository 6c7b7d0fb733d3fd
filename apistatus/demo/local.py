"""`demo local`: PostgreSQL, the broker and the sample targets in a folder that goes when the demo ends."""

from __future__ import annotations

import os
import secrets
import shlex
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from apistatus.demo.guard import MARKER, Guard, clear
from apistatus.demo.kafka_broker import InMemoryBroker
from apistatus.demo.postgres_server import PostgresServer
from apistatus.demo.processes import Child, bare
from apistatus.demo.snapshot import Watched
from apistatus.demo.surroundings import Surroundings
from apistatus.errors import ConfigurationError, Problem
from apistatus.runtime.stopping import Stop
from apistatus.settings.schema import PostgresSettings, ReaderSettings, Secret
from apistatus.wiring.loading import checks_of

_TOPIC: Final = "statuses"
_LOCATION: Final = "demo"
_ROLE: Final = "apistatus"
_DATABASE: Final = "api_statuses"
_GRACE: Final = "10s"
_TARGETS_START_S: Final = 30.0
_TARGETS_STOP_S: Final = 5.0
_NOTE: Final = "In-memory broker: not durable. The topic goes with the demo"
_CLIENT_CONFIG: Final = "fetch.wait.max.ms=100\n"
"""The in-memory broker holds an empty answer for this long even when messages come meanwhile."""

Say = Callable[[str], None]


def start(
    stack: ExitStack, guard: Guard, stop: Stop, environ: Mapping[str, str], *, keep: bool, say: Say
) -> Surroundings:
    """Start everything; `stack` ends it again in reverse order. `say` is told every step.

    Raises ServerFailed, KafkaUnavailable, ChildEnded, TooSlow, Interrupted.
    """
    folder = _folder(stack, guard, keep=keep)
    say(f"starting PostgreSQL, the broker and the sample targets in {folder}")
    server = stack.enter_context(PostgresServer(folder / "postgres"))
    broker = stack.enter_context(InMemoryBroker(_TOPIC))
    base = bare(environ)
    targets = _targets(stack, guard, base, folder)
    where = {name: str(value) for name, value in targets.wait_for_record("", stop, _TARGETS_START_S).items()}
    reader = stack.enter_context(as_file(files("apistatus.demo") / "readers.yml"))
    app = PostgresSettings(
        host=server.host, port=server.port, sslmode="disable", user=_ROLE,
        password=Secret(secrets.token_urlsafe(12)), database=_DATABASE,
    )  # fmt: skip
    checks = checks_of(ReaderSettings(reader), where)
    kafka = _kafka(broker, folder)
    service = {"APISTATUS_LISTEN": "127.0.0.1:0", "APISTATUS_GRACE_SECONDS": _GRACE}
    speech = {"APISTATUS_LOG_FORMAT": "json", "LOG_LEVEL": environ.get("LOG_LEVEL", "WARNING")}
    state = {"APISTATUS_STATE_DIR": str(folder / "state"), "APISTATUS_LOCATION": _LOCATION}
    return Surroundings(
        mode="local",
        migrate={**base, **speech, **_admin(server), **_app(app)},
        produce={**base, **speech, **service, **kafka, **state, **where, "READER_CONF_FILE": str(reader)},
        consume={**base, **speech, **service, **kafka, **_app(app)},
        app=app,
        watched=[Watched(check.id, check.name) for check in checks],
        location=_LOCATION,
        look_inside=str(_script(folder / "psql", _psql(server, app))),
        note=f"{_NOTE}; {'the database is kept.' if keep else 'the database too.'}",
        children=(targets,),
        kept=_kept(folder, server) if keep else (),
    )


def _folder(stack: ExitStack, guard: Guard, *, keep: bool) -> Path:
    parent = Path(tempfile.gettempdir())
    if os.geteuid() == 0:
        _require_way_for_all(parent)
    folder = Path(tempfile.mkdtemp(prefix="apistatus-demo-", dir=parent))
    if not keep:
        (folder / MARKER).touch()
    guard.watch(folder)
    stack.callback(clear, folder)
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root: its own user has to get to its folder in this one.
        folder.chmod(0o711)
    return folder


def _require_way_for_all(parent: Path) -> None:
    for folder in (parent, *parent.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            what = f"PostgreSQL does not run as root, and another user cannot enter {folder}"
            raise ConfigurationError(
                [Problem("TMPDIR", f"{what}; set it to a folder that everybody may enter")]
            )


def _targets(stack: ExitStack, guard: Guard, base: Mapping[str, str], folder: Path) -> Child:
    arguments = ["-m", "apistatus.demo.targets", str(folder)]
    child = Child("sample targets", arguments, base, group=guard.group, holding_stdin=True)
    stack.callback(child.stop, _TARGETS_STOP_S)
    return child


def _admin(server: PostgresServer) -> dict[str, str]:
    return {"PGUSER": server.superuser, "PGPW": server.password, "PGDB": "postgres"}


def _app(app: PostgresSettings) -> dict[str, str]:
    return {
        "PGHOST": app.host, "PGPORT": str(app.port), "PGSSLMODE": str(app.sslmode), "PGAPPUSER": app.user,
        "PGAPPPW": str.__str__(app.password or ""), "APPDB": app.database,
    }  # fmt: skip


def _kafka(broker: InMemoryBroker, folder: Path) -> dict[str, str]:
    client_config = folder / "kafka.properties"
    client_config.write_text(_CLIENT_CONFIG)
    return {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers, "KAFKA_STATUS_TOPIC": broker.topic,
        "KAFKA_CLIENT_CONFIG_FILE": str(client_config),
    }  # fmt: skip


def _psql(server: PostgresServer, app: PostgresSettings) -> str:
    return server.psql_command(app.database, app.user, str.__str__(app.password or ""))


def _script(path: Path, command: str) -> Path:
    """A program for people, so that they type a path and not passwords; only its owner may read it."""
    path.touch(mode=0o700)
    path.write_text(f'#!/bin/sh\n{command} "$@"\n')
    return path


def _kept(folder: Path, server: PostgresServer) -> Sequence[str]:
    """PostgreSQL is stopped, so that no process is left; two scripts start it and look inside."""
    arguments = [
        server.binary("pg_ctl"),
        "-D",
        server.data,
        "-l",
        server.folder / "kept.log",
        "-o",
        f"-p {server.port}",
        "-w",
    ]
    control = shlex.join(map(str, arguments))
    if os.geteuid() == 0:
        control = f"su -s /bin/sh nobody -c {shlex.quote(f'{control} $1')} sh"
    _script(folder / "postgres-control", control)
    return (
        f"The database is kept in {folder} (PostgreSQL is stopped; delete the folder when you are done):",
        f"  start it      {folder}/postgres-control start",
        f"  look inside   {folder}/psql",
        f"  stop it       {folder}/postgres-control stop",
    )
