"""Cases 19 and 20: two migrates at once, clocks that leap, too few descriptors, and a full disk for the spool."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.faults.case import LINUX, ROOT, case
from tests.faults.line import start_brokers
from tests.faults.run import Run
from tests.services import command
from tests.services.command import Command, wait_until

_HERE = Path(__file__).resolve().parents[2]
_DESCRIPTORS = 256
INJECTED = Path(__file__).parent / "injected"


@case(
    19,
    "two migrates at once, one killed, a file edited",
    "the schema is whole or absent, and drift has a name",
    quick=True,
)
def migrates(run: Run) -> None:
    run.write_checks(20)
    _two_at_once(run)
    run.execute("drop schema apistatus cascade")
    _killed_half_way(run)
    _edited_file(run)
    run.begin(checks=20)
    run.pause(1.0)


def _two_at_once(run: Run) -> None:
    # Kept open below, and the database has to be there for it.
    both = [_migrate(run) for _ in range(2)]
    for one in both:
        if one.process.wait(60) != 0:
            run.find(f"one of two migrates ended with {one.process.returncode}: {one.said[-600:]}")
    applied = (
        run.query("select version, count(*)::int from apistatus.migrations group by 1")
        if _ledger(run)
        else []
    )
    if any(times != 1 for _, times in applied):
        run.find(f"migrations applied twice: {applied}")


def _ledger(run: Run) -> bool:
    return (
        run.number("select count(*)::int from pg_class where oid = to_regclass('apistatus.migrations')") > 0
    )


def _killed_half_way(run: Run) -> None:
    for _ in range(3):
        victim = _migrate(run)
        _wait_for_work(run, victim)
        run.pause(0.0, 0.15)
        victim.kill()
    answer = command.run("migrate", env=run.environ())
    if answer.returncode:
        run.find(f"migrate after killed ones ended with {answer.returncode}: {answer.stderr[-600:]}")
    answer = command.run("migrate", "--verify", env=run.environ())
    if answer.returncode:
        run.find(f"migrate --verify after killed ones: {answer.stderr[-600:]}")


def _wait_for_work(run: Run, migrate: Command) -> None:
    wait_until(lambda: run.number(_MIGRATING) > 0 or migrate.process.poll() is not None, "a migrate at work")


_MIGRATING = """
    select count(*)::int from pg_stat_activity
    where datname = 'results' and application_name = 'apistatus' and pid <> pg_backend_pid()"""


def _edited_file(run: Run) -> None:
    """A copy of the program in which one applied file was edited."""
    copy = run.folder / "copy"
    for part in ("apistatus", "migrations", "conf"):
        shutil.copytree(_HERE / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    edited = run.random.choice(sorted((copy / "migrations").glob("*.sql")))
    edited.write_text(edited.read_text().replace("-- migrate:up", "-- migrate:up\nselect 1;", 1))
    for args in (["migrate"], ["migrate", "--verify"]):
        answer = command.run(*args, env=run.environ(), cwd=copy)
        if answer.returncode == 0 or edited.name not in answer.stdout + answer.stderr:
            run.find(
                f"{' '.join(args)} with {edited.name} edited: {answer.returncode} {answer.stderr[-600:]}"
            )
        if "Traceback" in answer.stderr:
            run.find(f"{' '.join(args)} with {edited.name} edited: a traceback")


def _migrate(run: Run) -> Command:
    log = run.folder / f"{len(run.commands):02}-migrate.log"
    started = run.stack.enter_context(Command(["migrate"], run.environ(), log))
    run.commands.append(started)
    return started


@case(
    20, "clock set by an hour, 256 descriptors, a spool on a full disk",
    "no burst, no stall, no crash; what could not be done is told", needs=(ROOT, LINUX),
)  # fmt: skip
def surroundings(run: Run) -> None:
    (name, play) = _VARIANTS[run.seed % len(_VARIANTS)]
    run.measured.variant = name
    play(run)


def _clock_back(run: Run) -> None:
    _set_clock(run, -3600)


def _clock_forward(run: Run) -> None:
    _set_clock(run, 3600)


def _set_clock(run: Run, seconds: int) -> None:
    """The wall clock of `produce` alone is set; its monotonic one goes on."""
    clock = run.folder / "clock"
    _write(clock, 0)
    run.produce_env |= {"PYTHONPATH": str(INJECTED), "FAULT_CLOCK_FILE": str(clock)}
    run.interval_s = 2.0
    run.allowed.spans_left_out = True
    run.begin(checks=20)
    run.pause(2.0, 4.0)
    before, since = run.target.total, time.monotonic()
    set_at_us = run.now_us()
    _write(clock, seconds)
    run.pause(20.0)
    made, took_s = run.target.total - before, time.monotonic() - since
    expected = took_s / run.interval_s * len(run.checks)
    run.note(probes_after=made, expected_probes=round(expected))
    # Set back, checks go on at half pace until the wall clock has caught up.
    least = 0.4 if seconds < 0 else 0.8
    if not least * expected <= made <= 1.2 * expected + len(run.checks):
        run.find(
            f"{made} probes in {took_s:.0f} s after the clock was set by {seconds} s; usual are {expected:.0f}"
        )
    run.pace = (set_at_us, set_at_us, 0.5) if seconds < 0 else (0, seconds * 1_000_000, 1.0)


def _write(clock: Path, seconds: int) -> None:
    """In one step: a file that is empty for a moment would set the clock twice."""
    draft = clock.with_suffix(".new")
    draft.write_text(str(seconds))
    draft.replace(clock)


def _few_descriptors(run: Run) -> None:
    """More checks at once than descriptors: a target that answers late holds them open."""
    run.allowed.inconclusive = True
    run.target.delay_s = 0.6
    run.begin(checks=100)
    producer = run.running("produce")[0]
    now = sum(1 for _ in Path(f"/proc/{producer.process.pid}/fd").iterdir())
    run.note(descriptors_before=now)
    resource.prlimit(producer.process.pid, resource.RLIMIT_NOFILE, (_DESCRIPTORS, _DESCRIPTORS))
    # From 100 to 400 checks at once.
    run.write_checks(400)
    producer.process.send_signal(signal.SIGHUP)
    producer.wait_for_line("reload.applied")
    run.pause(8.0)
    run.target.delay_s = 0.0
    run.pause(2.0)
    run.wait_for_first_rows()
    run.recovered(10.0)
    if producer.process.poll() is not None:
        run.find(f"produce ended: {producer.said[-600:]}")
    # Those that were told inconclusive never reached the target.
    told = run.number("select count(*)::int from apistatus.check_results where status = 'inconclusive'")
    run.note(inconclusive=told)
    # A request that was sent had its descriptor: what is late after that is the target, on a busy machine.
    down = run.query(
        "select distinct failure, phase from apistatus.check_results where status = 'down' "
        "and check_id not like 'flap%' and not (failure = 'timeout' and phase in ('processing', 'transfer'))"
    )
    if down:
        run.find(f"our own lack of descriptors was told as the target's fault: {down}")


def _full_spool(run: Run) -> None:
    """The state directory has no byte left while the brokers are away: memory has to do."""
    small = run.folder / "state"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)], check=True)
    run.stack.callback(subprocess.run, ["umount", "-l", str(small)], check=False)
    run.allowed.disorder = run.allowed.growth = True
    run.produce_env["APISTATUS_SPOOL"] = "always"
    run.begin()
    producer = run.running("produce")[0]
    with (small / "ballast").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"\0" * 4096)
            except OSError:
                break
    for node in run.cluster.nodes:
        node.kill()
    run.pause(15.0)
    ready = producer.probe("/ready")
    run.note(ready=ready)
    if "degraded" not in producer.said and "spool" not in producer.said:
        run.find("produce does not say that its spool's disk is full")
    start_brokers(run.cluster)
    run.recovered(60.0)
    (small / "ballast").unlink()
    run.pause(3.0)
    wait_until(lambda: producer.process.poll() is None, "produce alive", 5.0)


_VARIANTS = (
    ("clock -1 h", _clock_back), ("clock +1 h", _clock_forward), ("256 descriptors", _few_descriptors),
    ("spool on a full disk", _full_spool),
)  # fmt: skip
