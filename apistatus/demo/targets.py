"""Sample targets on loopback, good and bad ones, as a process of their own.

    python -m apistatus.demo.targets FOLDER

writes its certificates into FOLDER, prints one line of JSON (variable -> value for the demo's reader
file) once everything listens, and ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from apistatus.demo import certificates

HOST: Final = "127.0.0.1"
FLAPPING_S: Final = 6.0
"""The flapping target is well for so long, then ill for so long."""

_SERVER_TIME_S: Final = (0.002, 0.012)
_SLOW_S: Final = (0.22, 0.34)
_PIECE_PAUSE_S: Final = (0.004, 0.012)
_HEAD_MAX_BYTES: Final = 16_384
_HEAD_WITHIN_S: Final = 10.0

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def _head(status: str, content_type: str, size_bytes: int, *extra: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {size_bytes}", *extra)
    return "\r\n".join((*lines, "Connection: close", "", "")).encode()


async def _json(writer: asyncio.StreamWriter, answer: object, status: str = "200 OK") -> None:
    body = json.dumps(answer).encode()
    writer.write(_head(status, "application/json", len(body)) + body)


async def _clock(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(random.uniform(*_SERVER_TIME_S))  # noqa: S311  (sample data)
    await _json(writer, {"currentDateTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "isUtc": True})


async def _exchange(writer: asyncio.StreamWriter) -> None:
    """A page that comes in pieces, so that its transfer takes time."""
    await asyncio.sleep(random.uniform(*_SERVER_TIME_S))  # noqa: S311  (sample data)
    rows = "".join(f"<tr><td>{number}</td><td>{number * 37 % 1000}</td></tr>\n" for number in range(400))
    page = f"<!doctype html><title>Sample Stock Exchange</title>\n<table>{rows}</table>\n".encode()
    writer.write(_head("200 OK", "text/html; charset=utf-8", len(page)))
    for start in range(0, len(page), 4096):
        writer.write(page[start : start + 4096])
        await writer.drain()
        await asyncio.sleep(random.uniform(*_PIECE_PAUSE_S))  # noqa: S311  (sample data)


async def _slow(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(random.uniform(*_SLOW_S))  # noqa: S311  (sample data)
    await _json(writer, {"items": random.randint(40, 60)})  # noqa: S311  (sample data)


def _now_s() -> float:
    return time.monotonic()


async def _flapping(writer: asyncio.StreamWriter) -> None:
    if _now_s() % (2 * FLAPPING_S) < FLAPPING_S:
        await _json(writer, {"state": "well"})
    else:
        await _json(writer, {"state": "ill"}, "503 Service Unavailable")


async def _orders(writer: asyncio.StreamWriter) -> None:
    await _json(writer, {"orders": {"open": random.randint(1, 9)}})  # noqa: S311  (sample data)


async def _broken(writer: asyncio.StreamWriter) -> None:
    body = b'{"price": 42, "currency": '
    writer.write(_head("200 OK", "application/json", len(body)) + body)


async def _error(writer: asyncio.StreamWriter) -> None:
    await _json(writer, {"error": "out of order"}, "500 Internal Server Error")


async def _moved(writer: asyncio.StreamWriter) -> None:
    writer.write(_head("302 Found", "text/plain", 0, "Location: /clock"))


async def _unknown(writer: asyncio.StreamWriter) -> None:
    await _json(writer, {"error": "no such page"}, "404 Not Found")


ANSWERS: Final[dict[str, Answer]] = {
    "/clock": _clock, "/exchange": _exchange, "/slow": _slow, "/flapping": _flapping, "/orders": _orders,
    "/broken": _broken, "/error": _error, "/moved": _moved,
}  # fmt: skip


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One HTTP/1.1 exchange: reads a request's head, answers by its path, closes."""
    # Whoever sends no request, or goes away before the answer, gets none.
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
        async with asyncio.timeout(_HEAD_WITHIN_S):
            head = await reader.readuntil(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        path = words[1].split("?", 1)[0] if len(words) > 1 else ""
        await ANSWERS.get(path, _unknown)(writer)
        await writer.drain()
    writer.close()


def _refused() -> socket.socket:
    """A bound port on which nobody listens: connections are refused, and nobody else can take it."""
    bound = socket.socket()
    bound.bind((HOST, 0))
    return bound


async def serve(folder: Path, until: asyncio.Event) -> None:
    """Serve all targets, say where they are, and end when `until` is set."""
    files = certificates.issue(folder, HOST)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)
    start = partial(asyncio.start_server, answer, HOST, 0, limit=_HEAD_MAX_BYTES)
    with ExitStack() as stack:
        plain, secure = await start(), await start(ssl=tls)
        stack.callback(plain.close)
        stack.callback(secure.close)
        refused = stack.enter_context(_refused())
        where = {
            "DEMO_SITE": f"http://{HOST}:{_port(plain.sockets[0].getsockname())}",
            "DEMO_TLS_SITE": f"https://{HOST}:{_port(secure.sockets[0].getsockname())}",
            "DEMO_REFUSED_SITE": f"http://{HOST}:{_port(refused.getsockname())}",
            "DEMO_CA_FILE": str(files.authority),
        }
        sys.stdout.write(json.dumps(where) + "\n")
        sys.stdout.flush()
        await until.wait()


def _port(address: tuple[str, int]) -> int:
    return address[1]


async def _main(folder: Path) -> None:
    until, loop = asyncio.Event(), asyncio.get_running_loop()
    stdin = sys.stdin.fileno()
    loop.add_reader(stdin, lambda: None if os.read(stdin, 1024) else until.set())
    await serve(folder, until)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # Ctrl+C is for the demo, which ends us
        asyncio.run(_main(Path(sys.argv[1])))
