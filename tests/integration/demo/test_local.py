"""`apistatus demo` as a person runs it: the real commands, real rows, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess

import pytest

from tests.integration.demo.running import HAS_PROC, Demo, running, wait_until

UP = ("World Clock", "Stock Exchange", "Orders (TLS)", "Moved Clock")
DOWN = ("Broken JSON", "Server Error", "Refused Port", "Unknown CA")
CHECKS = (*UP, "Slow Shop", "Flapping", *DOWN)

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not HAS_PROC, reason="finds the demo's processes in /proc"),
]


def counted(demo: Demo) -> dict[str, int]:
    """The numbers of the summary's last sentence."""
    sentence = re.search(r"^produced \d.*$", demo.stdout.partition("What was stored")[2], re.MULTILINE)
    assert sentence, demo.stdout + demo.stderr
    return {name.strip(): int(count.replace(",", "")) for name, count in
            re.findall(r"([a-z ]+) ([\d,]*\d)", sentence[0])}  # fmt: skip


def summary_rows(demo: Demo) -> dict[str, list[str]]:
    """Check -> the words of its line in the summary."""
    lines = demo.stdout.partition("What was stored")[2].splitlines()
    return {
        name: line.removeprefix(name).split() for name in CHECKS for line in lines if line.startswith(name)
    }


def assert_all_is_stored(demo: Demo) -> None:
    counts = counted(demo)
    assert counts["produced"] == counts["stored"] > 0
    assert counts["duplicates"] == counts["dead letters"] == 0
    assert "exactly once" in demo.stdout
    assert sum(int(row[0]) for row in summary_rows(demo).values()) == counts["stored"]


def wait_for_rows(demo: Demo) -> None:
    demo.wait_for(r"stored [1-9]")


def test_demo_ends_by_itself_and_has_stored_all_it_produced() -> None:
    with running("--seconds", "15") as demo:
        assert demo.end() == 0, demo.stdout + demo.stderr
        assert demo.left_behind() == []
    assert_all_is_stored(demo)
    rows = summary_rows(demo)
    assert sorted(rows) == sorted(CHECKS)
    for name in UP:
        assert re.search(rf"Z  up +{re.escape(name)} ", demo.stdout), demo.stdout
    for name in DOWN:
        ticks, up, _, down, missed = map(int, rows[name][:5])
        assert (up, down) == (0, ticks - missed)
        assert re.search(rf"Z  down +{re.escape(name)} ", demo.stdout), demo.stdout
    assert int(rows["Slow Shop"][2]) > 0
    assert "not durable" in demo.stdout
    assert demo.stderr == ""


def test_interrupted_demo_shows_how_to_look_inside_drains_and_sums_up() -> None:
    with running() as demo:
        psql = demo.wait_for(r"look inside:  (/\S+/psql)\n")[1]
        wait_for_rows(demo)
        answer = subprocess.run(
            [psql, "-Atc", "select count(*) > 0 from check_results"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.stdout == "t\n", answer.stderr
        demo.send(signal.SIGINT)
        assert demo.end() == 0, demo.stderr
        assert demo.left_behind() == []
    assert_all_is_stored(demo)


def test_terminated_before_anything_is_stored_it_leaves_nothing() -> None:
    with running() as demo:
        demo.wait_for("starting PostgreSQL")
        demo.send(signal.SIGTERM)
        assert demo.end() == 0, demo.stderr
        assert demo.left_behind() == []


def test_killed_demo_leaves_nothing() -> None:
    with running() as demo:
        wait_for_rows(demo)
        demo.send(signal.SIGKILL)
        assert demo.end() == -signal.SIGKILL
        wait_until(lambda: demo.left_behind() == [], lambda: f"the end of {demo.left_behind()}")


def test_second_signal_ends_it_at_once_and_leaves_nothing() -> None:
    with running() as demo:
        wait_for_rows(demo)
        for pid in demo.pids("apistatus produce"):
            os.kill(pid, signal.SIGSTOP)  # so that the orderly end waits
        demo.send(signal.SIGTERM)
        demo.wait_for("ending produce")
        demo.send(signal.SIGINT)
        assert demo.end() == 130
        wait_until(lambda: demo.left_behind() == [], lambda: f"the end of {demo.left_behind()}")


def test_sample_targets_that_die_end_the_demo_with_their_name() -> None:
    with running() as demo:
        wait_for_rows(demo)
        (pid,) = demo.pids("demo.targets")
        os.kill(pid, signal.SIGKILL)
        assert demo.end() == 1
        assert demo.left_behind() == []
    assert "`sample targets` ended with signal 9" in demo.stderr


@pytest.mark.parametrize("command", ["produce", "consume"])
def test_a_command_that_dies_ends_the_demo_with_its_name(command: str) -> None:
    with running() as demo:
        wait_for_rows(demo)
        (pid,) = demo.pids(f"apistatus {command}")
        os.kill(pid, signal.SIGKILL)
        assert demo.end() == 1
        assert demo.left_behind() == []
    assert f"`{command}` ended with signal 9. The last it said:" in demo.stderr
    assert f"{command}.started" in demo.stderr


def test_kept_database_starts_again_with_its_rows() -> None:
    with running("--keep", "--seconds", "8") as demo:
        assert demo.end() == 0, demo.stderr
        assert demo.pids("") == []
        control = demo.wait_for(r"start it +(\S+) start\n")[1]
        psql = demo.wait_for(r"look inside +(\S+)\n")[1]
        subprocess.run([control, "start"], check=True, stdout=subprocess.DEVNULL)
        try:
            answer = subprocess.run([psql, "-Atc", "select count(*) from check_results"], capture_output=True,
                                    text=True, check=False)  # fmt: skip
            assert int(answer.stdout or 0) == counted(demo)["stored"], answer.stderr
        finally:
            subprocess.run([control, "stop"], check=True, stdout=subprocess.DEVNULL)
