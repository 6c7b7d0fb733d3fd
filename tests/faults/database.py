"""Cases 3 to 9 and 21: PostgreSQL dies, hangs, forgets, refuses, fills up and crawls."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from apistatus.demo.postgres_binaries import ServerFailed
from apistatus.demo.postgres_server import PostgresServer
from tests.faults.case import LINUX, MANY, ROOT, case
from tests.faults.network import Network
from tests.faults.run import Run
from tests.services.command import wait_until
from tests.services.postgres_fixtures import FAST

_RETURN_S = 5.0
"""Promised: work goes on within 5 s of PostgreSQL's return."""
_NOISE_S = 3.0
_TRIES = 5
_CUT_WITHIN_S = 10.0
_AWAY_S = 30.0


@case(
    3,
    "PostgreSQL killed for 30 s",
    "consume waits as a member, and goes on within 5 s of its return",
    runs=MANY,
)
def killed(run: Run) -> None:
    run.begin()
    run.pause(0.0, 2.0)
    run.forget_connection()
    run.server.kill()
    run.pause(_AWAY_S)
    run.server.start()
    run.recovered(_RETURN_S + _NOISE_S)
    _stayed(run)
    run.pause(1.0, 3.0)


@case(4, "PostgreSQL restarted ten times", "any number of outages at any moment", runs=MANY, quick=True)
def restarted_ten_times(run: Run) -> None:
    run.begin()
    for _ in range(10):
        run.pause(0.0, 2.5)
        run.forget_connection()
        how = run.random.choice(["kill", "fast", "immediate"])
        if how == "kill":
            run.server.kill()
        else:
            run.server.stop(how)
        run.pause(0.0, 0.5)
        run.server.start()
    run.recovered(_RETURN_S + _NOISE_S)
    _stayed(run)
    run.pause(1.0)


@case(
    5, "connection cut after COMMIT was sent", "an unknown outcome is looked up, never guessed", runs=MANY,
    quick=True,
)  # fmt: skip
def cut_after_commit(run: Run) -> None:
    network = run.put_network_between()
    run.begin()
    for number in range(6):
        after_commit = number % 2 == 0
        # Again, when the trigger went down with a connection that the reset broke in the same moment.
        for _ in range(_TRIES):
            _arm(run, network, after_commit=after_commit)
            if network.wait_cut(_CUT_WITHIN_S):
                break
        else:
            raise RuntimeError("the proxy did not cut")
        run.recovered(_RETURN_S + _NOISE_S)
        run.pause(0.1, 0.8)
    _stayed(run)


def _arm(run: Run, network: Network, *, after_commit: bool) -> None:
    reset = run.random.random() < 0.5
    if after_commit:
        # A new connection, because later ones send COMMIT as the name of a prepared statement.
        network.cut_after(pattern=b"commit\0", reset=reset)
        network.reset()
    else:
        network.cut_after(bytes_to_server=run.random.randint(1, 60_000), reset=reset)


@case(
    6, "black hole before PostgreSQL", "a connection that nobody answers is given up in time", needs=(LINUX,)
)
def black_hole(run: Run) -> None:
    network = run.put_network_between()
    run.begin()
    run.pause(0.0, 2.0)
    network.lose_packets()
    run.pause(30.0, 40.0)
    if run.seed % 2:
        # As after a failover of a firewall: the old connections stay dead.
        run.measured.variant = "old connections stay dead"
        network.cut()
    network.deliver_packets()
    run.recovered(10.0 + _RETURN_S + _NOISE_S)
    _stayed(run)
    run.pause(1.0)


@case(7, "PostgreSQL restored to an earlier state", "what the restored database lacks is read again")
def restored(run: Run) -> None:
    run.begin()
    run.pause(2.0, 4.0)
    run.forget_connection()
    run.server.stop("fast")
    backup = run.server.folder / "backup"
    _copy(run.server.data, backup)
    run.server.start()
    run.pause(20.0, 25.0)
    run.forget_connection()
    run.server.kill()
    shutil.rmtree(run.server.data)
    backup.rename(run.server.data)
    run.server.start()
    run.recovered(_RETURN_S + _NOISE_S)
    _stayed(run)
    run.pause(1.0)


def _copy(source: Path, target: Path) -> None:
    """With owners and modes: PostgreSQL insists on both."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


@case(
    8, "PostgreSQL read-only after a failover", "a standby takes no writes, and nothing becomes a dead letter"
)
def read_only(run: Run) -> None:
    run.begin()
    run.pause(0.0, 2.0)
    if run.seed % 2:
        run.measured.variant = "standby, then promoted"
        run.forget_connection()
        run.server.stop("fast")
        signal_file = run.server.data / "standby.signal"
        signal_file.touch()
        owner = run.server.data.stat()
        os.chown(signal_file, owner.st_uid, owner.st_gid)
        run.server.start()
        run.pause(10.0, 15.0)
        run.execute("select pg_promote(true, 60)")
    else:
        run.measured.variant = "default_transaction_read_only"
        run.execute("alter system set default_transaction_read_only = on")
        run.execute("select pg_reload_conf()")
        run.pause(10.0, 15.0)
        run.execute("set default_transaction_read_only = off")
        run.execute("alter system reset default_transaction_read_only")
        run.execute("select pg_reload_conf()")
    run.recovered(_RETURN_S + _NOISE_S)
    _stayed(run)
    run.pause(1.0)


@case(
    9,
    "PostgreSQL's disk is full",
    "nothing is a dead letter, and it goes on when there is room",
    needs=(ROOT, LINUX),
)
def disk_full(run: Run) -> None:
    small = run.folder / "small"
    small.mkdir()
    whole = run.seed % 2 == 1
    run.measured.variant = "data and log of it" if whole else "tables only"
    size = "300m" if whole else "48m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(small)], check=True)
    run.stack.callback(subprocess.run, ["umount", "-l", str(small)], check=False)
    if whole:
        run.postgres = run.stack.enter_context(_server_in(small / "postgres"))
    run.begin()
    if not whole:
        _move_tables(run, small)
    run.pause(0.0, 1.0)
    ballast = small / "ballast"
    until = time.monotonic() + 15.0
    with ballast.open("wb", buffering=0) as file:
        while time.monotonic() < until:
            try:
                file.write(b"\0" * 65_536)
            except OSError:
                # What others free meanwhile is taken too.
                time.sleep(0.05)
    run.note(
        waits=[
            one.metric("apistatus_retries_total", '{service="postgres"}') for one in run.running("consume")
        ]
    )
    ballast.unlink()
    if run.server.pid is None:
        run.note(server="ended with a full disk and was started again")
        run.forget_connection()
        run.server.stop()
    wait_until(lambda: _is_up(run), "PostgreSQL up again")
    run.recovered(_RETURN_S + _NOISE_S)
    _stayed(run)
    if (
        any("full" not in one.said and "space" not in one.said for one in run.running("consume"))
        and not whole
    ):
        run.find("the full disk was not met, or consume does not say so")


def _server_in(folder: Path) -> PostgresServer:
    return PostgresServer(folder, settings={**FAST, "max_wal_size": "64MB", "min_wal_size": "32MB"})


def _move_tables(run: Run, small: Path) -> None:
    """All tables of the database onto the small disk; its log stays where it is."""
    place = small / "tables"
    place.mkdir()
    owner = run.server.data.stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    run.execute(f"create tablespace small location '{place}'")
    for (table,) in run.query(
        "select c.oid::regclass::text from pg_class c where c.relnamespace = 'apistatus'::regnamespace"
        " and c.relkind in ('r', 'i')"
    ):
        kind = (
            "index"
            if run.number("select (relkind = 'i')::int from pg_class where oid = %s::regclass", table)
            else "table"
        )
        run.execute(f"alter {kind} {table} set tablespace small")


def _is_up(run: Run) -> bool:
    try:
        run.server.start()
    except ServerFailed:
        return False
    return run.answers()


@case(
    21, "PostgreSQL slower than max.poll.interval",
    "a member that is thrown out in the middle of a transaction stores nothing twice",
)  # fmt: skip
def slower_than_poll_interval(run: Run) -> None:
    network = run.put_network_between()
    client = run.folder / "client.properties"
    client.write_text("max.poll.interval.ms=6000\n")
    run.consume_env["KAFKA_CLIENT_CONFIG_FILE"] = str(client)
    run.begin(consumers=2)
    for _ in range(2):
        run.pause(0.0, 1.0)
        network.freeze()
        run.pause(9.0, 13.0)
        network.pass_through()
        run.recovered(15.0)
    _stayed(run)
    thrown_out = sum("MAXPOLL" in one.said.upper().replace(" ", "").replace("_", "") for one in run.commands)
    run.note(members_thrown_out=thrown_out)


def _stayed(run: Run) -> None:
    """No consumer may have ended, and none may have put good messages aside."""
    ended = [one for one in run.commands if one.process.poll() is not None]
    for one in ended:
        run.find(f"{one.log.name} ended with {one.process.returncode}: {one.said[-600:]}")
