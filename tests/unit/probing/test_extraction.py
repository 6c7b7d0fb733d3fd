"""Extraction at once or in threads, and what the threads promise."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest

from apistatus.model.check import Check, Extractor
from apistatus.probing import extract
from apistatus.probing.extract import ExtractFailed, Extraction, compile_json_path, compile_regex
from apistatus.probing.threads import Busy, Threads
from tests.targets.checks import check_of


@pytest.fixture
def threads() -> Iterator[Threads]:
    pool = Threads("test", 1)
    yield pool
    pool.close()


def _taking(extractor: Extractor) -> Check:
    return check_of("http://192.0.2.1/", extractor=extractor)


class Blocking:
    """An extractor that waits until it is released."""

    source = "blocking"
    quick = False

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.release = threading.Event()

    def __call__(self, body: bytes, charset: str | None) -> str:
        self.begun.set()
        self.release.wait(60)
        return body.decode()


@pytest.mark.parametrize(
    ("extractor", "body", "value"),
    [
        (compile_json_path("$.a"), b'{"a": 1}', "1"),
        (compile_json_path("$..a"), b'{"a": 1}', "1"),
        (compile_json_path("$.a"), json.dumps({"a": 1, "pad": "x" * 100_000}).encode(), "1"),
        (compile_regex("a(.)"), b"xab", "b"),
        (compile_regex("a(.)$"), b"x" * 100_000 + b"ab", "b"),
    ],
)
async def test_the_value_is_the_same_wherever_it_is_taken(
    threads: Threads, extractor: Extractor, body: bytes, value: str
) -> None:
    assert (await Extraction(threads)(_taking(extractor), body)).value == value


async def test_a_search_that_is_slow_is_begun_again_in_a_thread(threads: Threads) -> None:
    # Far more than the 2 ms it has on the loop, and over its 100 ms in the thread.
    found = await Extraction(threads)(_taking(compile_regex("(a|aa)+$")), b"a" * 100 + b"b")
    assert found.value is None
    assert "took more than 100 ms" in str(found.failure)


async def test_a_failure_in_a_thread_is_the_callers(threads: Threads) -> None:
    found = await Extraction(threads)(_taking(compile_json_path("$..a")), b"{}")
    assert "finds no elements" in str(found.failure)


async def test_an_extraction_that_takes_too_long_is_given_up(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "_THREAD_LIMIT_S", 0.05)
    blocking = Blocking()
    with pytest.raises(ExtractFailed, match=r"^blocking took more than 0\.05 s on this body$"):
        await Extraction(threads)(_taking(blocking), b"x")
    # The only thread is still in it: whoever comes next finds none, which is our own shortage.
    with pytest.raises(Busy):
        await Extraction(threads)(_taking(blocking), b"x")
    blocking.release.set()


async def test_threads_are_started_when_needed_and_used_again() -> None:
    pool = Threads("test", 2)
    names = set()

    def who() -> int:
        ident = threading.get_ident()
        names.add(ident)
        return ident

    for _ in range(5):
        await pool.submit(who).future
    assert len(names) <= 2
    barrier = threading.Barrier(2)
    await asyncio.gather(*(pool.submit(lambda: barrier.wait(30)).future for _ in range(2)))
    pool.close()
    assert await pool.submit(who).future
    pool.close()


async def test_a_call_that_nobody_waits_for_is_not_begun(threads: Threads) -> None:
    blocking = Blocking()
    first = threads.submit(lambda: blocking(b"first", None))
    calls = []
    given_up = threads.submit(lambda: calls.append(1))
    given_up.future.cancel()
    last = threads.submit(lambda: calls.append(2))
    blocking.release.set()
    assert await first.future == "first"
    await last.future
    assert calls == [2]
    assert not given_up.begun


async def test_a_failure_that_nobody_waits_for_is_not_complained_about(threads: Threads) -> None:
    blocking = Blocking()

    def fails() -> None:
        blocking.begun.set()
        blocking.release.wait(60)
        raise ValueError("nobody hears this")

    job = threads.submit(fails)
    await asyncio.to_thread(blocking.begun.wait, 30)
    job.future.cancel()
    blocking.release.set()
    assert await threads.submit(lambda: "next").future == "next"


def test_a_thread_outlives_the_loop_that_asked_without_complaint() -> None:
    pool = Threads("test", 1)
    blocking = Blocking()
    ended = threading.Event()

    def call() -> None:
        blocking(b"", None)

    async def ask() -> None:
        pool.submit(call)
        await asyncio.to_thread(blocking.begun.wait, 30)

    asyncio.run(ask())
    blocking.release.set()

    async def next_loop() -> None:
        await pool.submit(ended.set).future

    asyncio.run(next_loop())
    assert ended.is_set()
    pool.close()
