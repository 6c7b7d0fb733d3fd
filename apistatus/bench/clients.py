"""One client, measured by itself in this process; prints one line of JSON.

python -m apistatus.bench.clients cost NAME COUNT AT_ONCE CA_FILE|- PORT...
python -m apistatus.bench.clients paced RATE SECONDS CA_FILE|- PORT...
python -m apistatus.bench.clients error RATE SECONDS AT_ONCE PORT...
python -m apistatus.bench.clients memory COUNT CA_FILE|- PORT

NAME is auto, openssl or rustls for the real prober with that TLS engine, `-kept` behind it for keep-alive, or
httpx for httpx as it comes, which only fetches. CPU is what the process uses, threads and system calls included.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import ssl
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from apistatus.bench import sample
from apistatus.model.wire import compose
from apistatus.probing.prober import HttpProber
from apistatus.runtime import event_loop
from apistatus.runtime.clock import SystemClock

_AT_ONCE: Final = 16


def _cpu_us() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1e6


async def _all_of(fetch: Callable[[int], Awaitable[None]], count: int, at_once: int) -> None:
    """Fetch `count` times, so many at once, each in a task of its own, as `produce` does it."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    begun = ended = 0

    def begin() -> None:
        nonlocal begun
        task = asyncio.ensure_future(fetch(begun))
        task.add_done_callback(end)
        begun += 1

    def end(task: asyncio.Future[None]) -> None:
        nonlocal ended
        ended += 1
        if task.cancelled() or over.done():
            return
        if task.exception() is not None:
            over.set_exception(task.exception() or RuntimeError())
        elif begun < count:
            begin()
        elif ended == count:
            over.set_result(None)

    for _ in range(min(at_once, count)):
        begin()
    await over


async def _cost(name: str, count: int, at_once: int, ca_file: str, *ports: int) -> dict[str, Any]:
    if name == "httpx":
        return await _cost_of_httpx(count, at_once, ca_file, *ports)
    engine, _, kept = name.partition("-")
    places = max(at_once, len(ports))
    prober, fetch = _whole(engine, places, ca_file, ports, keep_alive=bool(kept))
    await _all_of(fetch, places, at_once)
    before_us = _cpu_us()
    await _all_of(fetch, count, at_once)
    used_us = (_cpu_us() - before_us) / count
    await prober.aclose()
    return {"cpu_us": used_us}


def _whole(
    engine: str, places: int, ca_file: str, ports: Sequence[int], *, keep_alive: bool = False
) -> tuple[HttpProber, Callable[[int], Awaitable[None]]]:
    """The prober, and all of what it does for a check, to the composed result. It raises RuntimeError when a check
    is not up."""
    prober = HttpProber(SystemClock(), tls_engine=engine, tell_held=False)  # type: ignore[arg-type]  # one of its values
    checks = [
        sample.check(number, ports[number % len(ports)], ca_file, keep_alive=keep_alive)
        for number in range(places)
    ]

    async def fetch(number: int) -> None:
        check = checks[number % places]
        outcome = await prober.probe(check)
        if outcome.status != "up":
            raise RuntimeError(f"{outcome.status}: {outcome.error}")
        compose(check, outcome, location="local", producer="bench", scheduled_at_us=1)

    return prober, fetch


async def _paced(rate: float, seconds: float, ca_file: str, *ports: int) -> dict[str, Any]:
    """The same at `rate` a second, one by one: what a check costs that comes alone."""
    loop, places = asyncio.get_running_loop(), max(len(ports), int(rate))
    prober, fetch = _whole("auto", places, ca_file, ports)
    await _all_of(fetch, places, min(places, 100))
    tasks, began_s, before_us = [], loop.time(), _cpu_us()
    for number in range(max(1, int(rate * seconds))):
        await _until(loop, began_s + number / rate)
        tasks.append(asyncio.ensure_future(fetch(number)))
    await asyncio.gather(*tasks)
    used_us = (_cpu_us() - before_us) / len(tasks)
    await prober.aclose()
    return {"cpu_us": used_us}


async def _until(loop: asyncio.AbstractEventLoop, due_s: float) -> None:
    while (rest_s := due_s - loop.time()) > 0:  # noqa: ASYNC110 - a schedule, as the loop wakes early
        await asyncio.sleep(max(rest_s, 0.001))


async def _cost_of_httpx(count: int, at_once: int, ca_file: str, *ports: int) -> dict[str, Any]:
    verify: Any = ssl.create_default_context(cafile=ca_file) if ca_file != "-" else False
    scheme = "https" if ca_file != "-" else "http"
    urls = [f"{scheme}://127.0.0.1:{port}/" for port in ports]
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=0)
    async with httpx.AsyncClient(verify=verify, trust_env=False, limits=limits, timeout=30) as client:

        async def fetch(number: int) -> None:
            (await client.get(urls[number % len(urls)], headers={"Connection": "close"})).raise_for_status()

        await _all_of(fetch, at_once, at_once)
        before_us = _cpu_us()
        await _all_of(fetch, count, at_once)
        return {"cpu_us": (_cpu_us() - before_us) / count}


async def _error(rate: float, seconds: float, at_once: int, *ports: int) -> dict[str, Any]:
    """Errors in milliseconds against what the target says it took, started at `rate` a second, several at once."""
    prober, loop = HttpProber(SystemClock(), tell_held=False), asyncio.get_running_loop()
    places = max(at_once, len(ports))
    checks = [
        sample.check(number, ports[number % len(ports)], "-", path="$.served_us") for number in range(places)
    ]
    await prober.probe(checks[0])
    first, total = [], []

    async def probe(number: int) -> None:
        outcome = await prober.probe(checks[number])
        served_us = int(outcome.value or 0)
        first.append(((outcome.processing_us or 0) - served_us) / 1e3)
        total.append(((outcome.total_us or 0) - served_us) / 1e3)

    tasks, began_s, before_us = [], loop.time(), _cpu_us()
    for turn in range(max(1, int(rate * seconds / at_once))):
        due_s = began_s + turn * at_once / rate
        await _until(loop, due_s)
        first_place = turn * at_once
        tasks += [asyncio.ensure_future(probe((first_place + number) % places)) for number in range(at_once)]
    await asyncio.gather(*tasks)
    used_us = _cpu_us() - before_us
    share = used_us / 1e6 / (loop.time() - began_s)
    await prober.aclose()
    return {"first": first, "total": total, "cpu_share": share, "cpu_us": used_us / len(tasks)}


async def _memory(count: int, ca_file: str, port: int) -> dict[str, Any]:
    """Kilobytes for each of so many checks that wait for their answer."""
    prober = HttpProber(SystemClock(), tell_held=False)
    checks = [sample.check(number, port, ca_file, path="$.served_us") for number in range(count)]
    async with asyncio.timeout(60):
        for number in range(count, count + 20):
            await _begun(prober, sample.check(number, port, ca_file, path="$.served_us"))
    gc.collect()
    before = _resident_bytes()
    tasks: list[asyncio.Future[Any]] = []
    for begin in range(0, count, _AT_ONCE):
        # A handful a turn, as `produce` starts them.
        tasks += [asyncio.ensure_future(prober.probe(check)) for check in checks[begin : begin + _AT_ONCE]]
        await asyncio.sleep(0)
    async with asyncio.timeout(120):
        while sum(one.phase == "processing" for one in prober.exchanges_under_way()) < count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    used = (_resident_bytes() - before) / count / 1024
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await prober.aclose()
    return {"kilobytes": used}


async def _begun(prober: HttpProber, check: Any) -> None:
    """One check as far as its request: everything that is made on first use is made."""
    task = asyncio.ensure_future(prober.probe(check))
    while not any(one.phase == "processing" for one in prober.exchanges_under_way()):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


async def _main(what: str, *given: str) -> None:
    if what == "cost":
        name, count, at_once, ca_file, *ports = given
        found = await _cost(name, int(count), int(at_once), ca_file, *map(int, ports))
    elif what == "paced":
        rate, seconds, ca_file, *ports = given
        found = await _paced(float(rate), float(seconds), ca_file, *map(int, ports))
    elif what == "error":
        rate, seconds, at_once, *ports = given
        found = await _error(float(rate), float(seconds), int(at_once), *map(int, ports))
    else:
        count, ca_file, port = given
        found = await _memory(int(count), ca_file, int(port))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    event_loop.run(_main(*sys.argv[1:]))
