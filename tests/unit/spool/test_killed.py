"""SIGKILL at any moment: whatever was confirmed is there afterwards, and the file is free."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from apistatus.runtime.clock import SystemClock
from apistatus.spool.store import Spool

WRITER = """
import sys
from pathlib import Path
from apistatus.runtime.clock import SystemClock
from apistatus.spool.entries import Entry
from apistatus.spool.store import Spool

spool = Spool(Path(sys.argv[1]), max_bytes=2**30, max_age_s=3600, clock=SystemClock())
size, number = int(sys.argv[2]), 0
while True:
    ids = spool.append([Entry(b"%d" % (number + at), b"v" * 400) for at in range(size)])
    assert spool.on_disk(ids)
    number += size
    # Every third entry is sent; the rest must stay.
    spool.remove(ids[::3])
    print(number, flush=True)
"""


@pytest.mark.parametrize(("batch", "rounds"), [(1, 150), (30, 40), (3_000, 10)])
def test_everything_confirmed_survives_sigkill(tmp_path: Path, batch: int, rounds: int) -> None:
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(batch)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(rounds):
                writer.stdout.readline()
            writer.kill()
            rest = writer.stdout.read().splitlines(keepends=True)
        confirmed = max((int(line) for line in rest if line.endswith("\n")), default=rounds * batch)
        spool = Spool(tmp_path, max_bytes=2**30, max_age_s=3600, clock=SystemClock())
        found = spool.oldest(10**7)
        numbers = [int(each.key) for _, each in found]
        expected = [number for number in range(confirmed) if number % batch % 3 != 0]
        assert numbers[: len(expected)] == expected
        # One append, and one removal, may have been done and not confirmed yet.
        assert numbers[len(expected) :] in _unconfirmed(confirmed, batch)
        stats = spool.stats()
        assert (stats.entries, stats.degraded, stats.dropped_entries) == (len(numbers), None, 0)
        spool.remove(entry_id for entry_id, _ in found)
        spool.close()


def _unconfirmed(confirmed: int, batch: int) -> list[list[int]]:
    following = list(range(confirmed, confirmed + batch))
    return [[], following, [number for number in following if number % batch % 3 != 0]]
