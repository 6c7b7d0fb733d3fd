"""`consume` as a process drains a filled topic; psql's `\\copy` of the same rows is the floor beside it."""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass

import psycopg
from psycopg import sql

from tests.bench.cost import cpu_s, peak_memory_mb
from tests.bench.figures import Figure, at_least, at_most
from tests.bench.services import Services
from tests.bench.topic import fill
from tests.services.command import Command

_TOPIC = "bench-drain"
_PATIENCE_S = 300.0


def drain(services: Services, *, rows: int, runs: int) -> list[Figure]:
    """Rows a second of both, interleaved, and their ratio run by run; memory and CPU of `consume`."""
    fill(services.bootstrap_servers, _TOPIC, rows)
    drained: list[_Drained] = []
    copied: list[float] = []
    for run in range(runs):
        database = f"bench_{run}"
        services.migrate(database)
        drained.append(_drain_once(services, database, rows))
        copied.append(_copy_once(services, database, rows))
        _drop(services, database)
    ratios = [ours.rows_per_s / floor for ours, floor in zip(drained, copied, strict=True)]
    return [
        at_least("consume, drain of a filled topic", [one.rows_per_s for one in drained], "rows/s"),
        at_least("psql \\copy of the same rows", copied, "rows/s"),
        at_least("consume as a ratio to \\copy", ratios, "x", 0.25),
        at_most("consume, CPU per row", [one.cpu_us_per_row for one in drained], "us"),
        at_most("consume, peak memory while draining", [one.memory_mb for one in drained], "MB", 150),
    ]


@dataclass(frozen=True, slots=True)
class _Drained:
    """What one drain gave; from the first commit that was seen to the last."""

    rows_per_s: float
    cpu_us_per_row: float
    memory_mb: float


def _drain_once(services: Services, database: str, rows: int) -> _Drained:
    env = {**services.kafka(_TOPIC, KAFKA_CONSUMER_GROUP=database), **services.app(database)}
    with _admin(services, database) as connection, services.running(database, ["consume"], env) as consume:
        connection.execute("checkpoint")
        pid = consume.process.pid
        first_at = first_cpu_s = 0.0
        first = stored = 0
        until = time.monotonic() + _PATIENCE_S
        while stored < rows:
            if consume.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"consume stored {stored} of {rows} rows\n{consume.said}")
            time.sleep(0.02)
            now, stored = time.monotonic(), _stored(connection)
            if stored and not first:
                first, first_at, first_cpu_s = stored, now, cpu_s(pid)
        seconds, counted = now - first_at, rows - first
        if counted < rows / 2:
            raise RuntimeError(f"{rows} rows are too few: {first} of them came with the first batch")
        used = _Drained(counted / seconds, (cpu_s(pid) - first_cpu_s) / counted * 1e6, peak_memory_mb(pid))
        _stop(consume)
    return used


def _stored(connection: psycopg.Connection) -> int:
    query = "select coalesce(sum(next_offset), 0)::bigint from apistatus.kafka_offsets"
    [(count,)] = connection.execute(query).fetchall()
    return int(count)


def _copy_once(services: Services, database: str, rows: int) -> float:
    """psql's own timing of `\\copy` into the very table that `consume` filled, emptied before."""
    file = services.folder / "rows.tsv"
    if not file.exists():
        _psql(services, database, f"\\copy (select * from apistatus.results) to '{file}'")
    with _admin(services, database) as connection:
        connection.execute("truncate apistatus.results")
        connection.execute("checkpoint")
        said = _psql(services, database, "\\timing on", f"\\copy apistatus.results from '{file}'")
        [(count,)] = connection.execute("select count(*) from apistatus.results").fetchall()
    if count != rows:
        raise RuntimeError(f"\\copy stored {count} of {rows} rows")
    timing = re.search(r"^Time: ([0-9.]+) ms", said, re.MULTILINE)
    if timing is None:
        raise RuntimeError(f"psql did not say its time: {said}")
    return rows / (float(timing[1]) / 1000)


def _psql(services: Services, database: str, *commands: str) -> str:
    server = services.postgres
    ours = server.binary("psql")
    program = str(ours) if ours.exists() else "psql"
    where = ["-X", "-v", "ON_ERROR_STOP=1", "-h", server.host, "-p", str(server.port), "-U", server.superuser]
    words = [word for command in commands for word in ("-c", command)]
    done = subprocess.run(
        [program, *where, "-d", database, *words], env={**os.environ, "PGPASSWORD": server.password},
        text=True, capture_output=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"psql: {done.stderr}")
    return done.stdout


def _admin(services: Services, database: str) -> psycopg.Connection:
    server = services.postgres
    return psycopg.connect(
        host=server.host, port=server.port, user=server.superuser, password=server.password, dbname=database,
        autocommit=True,
    )  # fmt: skip


def _drop(services: Services, database: str) -> None:
    with _admin(services, "postgres") as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(database)))


def _stop(command: Command) -> None:
    code = command.stop()
    if code:
        raise RuntimeError(f"{command.args} ended with {code}\n{command.said}")
