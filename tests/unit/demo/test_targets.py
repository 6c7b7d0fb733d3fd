"""The sample targets behave as the demo's reader file says."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from apistatus.demo import targets


@asynccontextmanager
async def served(folder: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Mapping[str, str]]:
    until = asyncio.Event()
    task = asyncio.create_task(targets.serve(folder, until))
    said = ""
    while not said.endswith("\n"):
        await asyncio.sleep(0)
        assert not task.done(), task.result()
        said += capsys.readouterr().out
    try:
        yield json.loads(said)
    finally:
        until.set()
        await task


async def get(site: str, path: str, tls: ssl.SSLContext | None = None) -> tuple[str, bytes]:
    where = urlsplit(site)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, ssl=tls)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode(), body


@pytest.mark.parametrize(
    ("path", "status", "found"),
    [
        ("/clock", 200, b'"currentDateTime": "2'),
        ("/exchange", 200, b"<title>Sample Stock Exchange</title>"),
        ("/slow?x=1", 200, b'"items": '),
        ("/orders", 200, b'{"orders": {"open": '),
        ("/error", 500, b"out of order"),
        ("/moved", 302, b""),
        ("/nowhere", 404, b"no such page"),
    ],
)
async def test_answers_by_path(
    path: str, status: int, found: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served(tmp_path, capsys) as where:
        head, body = await get(where["DEMO_SITE"], path)
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert found in body
    assert f"Content-Length: {len(body)}\r\n" in head


async def test_broken_json_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with served(tmp_path, capsys) as where:
        _, body = await get(where["DEMO_SITE"], "/broken")
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(body)


async def test_flapping_is_well_and_ill_in_turn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = []
    async with served(tmp_path, capsys) as where:
        for turn in range(2):
            now_s = (turn + 0.5) * targets.FLAPPING_S
            # The target reads the time once a request, and nothing here waits on the loop's timers.
            monkeypatch.setattr(targets, "_now_s", lambda now_s=now_s: now_s)
            head, _ = await get(where["DEMO_SITE"], "/flapping")
            statuses.append(head.split(" ", 2)[1])
    assert statuses == ["200", "503"]


async def test_tls_is_trusted_by_its_own_authority_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served(tmp_path, capsys) as where:
        trusting = ssl.create_default_context(cafile=where["DEMO_CA_FILE"])
        head, _ = await get(where["DEMO_TLS_SITE"], "/orders", trusting)
        assert head.startswith("HTTP/1.1 200 ")
        with pytest.raises(ssl.SSLCertVerificationError):
            await get(where["DEMO_TLS_SITE"], "/orders", ssl.create_default_context())


async def test_the_refused_port_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with served(tmp_path, capsys) as where:
        with pytest.raises(ConnectionRefusedError):
            await get(where["DEMO_REFUSED_SITE"], "/")


async def test_rubbish_does_not_end_the_targets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with served(tmp_path, capsys) as where:
        address = urlsplit(where["DEMO_SITE"])
        for rubbish in (b"", b"\r\n\r\n", b"GET\r\n\r\n", b"\xff" * 40_000):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(rubbish)
            writer.write_eof()
            with suppress(ConnectionResetError):  # one of the two ways to be shown the door
                await reader.read()
            writer.close()
        head, _ = await get(where["DEMO_SITE"], "/clock")
    assert head.startswith("HTTP/1.1 200 ")


async def test_the_process_ends_with_its_standard_input(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "apistatus.demo.targets", str(tmp_path),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    where = json.loads(await process.stdout.readline())
    assert where["DEMO_SITE"].startswith("http://127.0.0.1:")
    process.stdin.close()
    assert await process.wait() == 0
