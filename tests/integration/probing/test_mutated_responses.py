"""Responses damaged at random: never an exception, never our own fault, nothing left open."""

from __future__ import annotations

import asyncio
import gc
import gzip
import random
from collections import Counter
from pathlib import Path

from apistatus.probing.extract import compile_json_path
from tests.targets.checks import check_of, probing
from tests.targets.server import Connection, Target, answer, read_request, reset

CASES = 400
AT_ONCE = 10
WHOLE = (
    answer(b'{"value": 1}', headers=("Content-Type: application/json",)),
    answer(gzip.compress(b'{"value": 2}'), headers=("Content-Encoding: gzip",)),
    answer(status="302 Found", headers=("Location: /elsewhere",)),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(b"1"),
)
PIECES = (
    b"\r\n", b"\n", b"\0", b":", b"HTTP/1.1 ", b"Content-Length: 5\r\n", b"Location: //\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n",
)  # fmt: skip


def damaged(chance: random.Random) -> bytes:
    """One of the whole responses with up to six bytes or pieces changed, cut out, doubled or put in."""
    data = bytearray(chance.choice(WHOLE))
    for _ in range(chance.randint(0, 6)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                del data[at : at + chance.randint(1, 8)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 30)]
            case 3:
                data[at:at] = chance.choice(PIECES)
    return bytes(data)


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def test_damaged_responses_give_verdicts_and_leave_nothing_open() -> None:
    chance = random.Random(20261125)

    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection)
        connection.sendall(damaged(chance))
        if chance.random() < 0.2:
            reset(connection)

    seen: Counter[tuple[str, str | None]] = Counter()
    with Target(behaviour) as target:
        async with probing() as prober:
            check = check_of(target.url, timeout_us=2_000_000, extractor=compile_json_path("$"))
            await prober.probe(check)
            gc.collect()
            before = _open_files()
            for _ in range(CASES // AT_ONCE):
                for outcome in await asyncio.gather(*(prober.probe(check) for _ in range(AT_ONCE))):
                    seen[outcome.status, outcome.failure] += 1
                    assert outcome.status in ("up", "down"), outcome
                    assert outcome.error is None or outcome.error.isprintable()
            assert not prober.exchanges_under_way()
            assert len(asyncio.all_tasks()) == 1
        while target.accepted > 0 and target.gone.acquire(timeout=20):
            target.accepted -= 1
        assert _open_files() <= before
    assert seen["up", None] > 0
    assert seen["down", "protocol"] > 0
