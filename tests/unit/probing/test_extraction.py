"""Extraction at once or in threads, and what the threads promise."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from apistatus.model.check import Check, Extractor
from apistatus.probing import extract, regex_search
from apistatus.probing.assertions import Findings
from apistatus.probing.extract import ExtractFailed, Extraction, compile_json_path, compile_regex
from apistatus.probing.extractors import JsonPathExtractor, RegexExtractor
from apistatus.probing.json_path import Finder
from apistatus.probing.regex_search import LIMIT_S, QUICK_S
from apistatus.probing.threads import Busy, Job, Threads
from tests.targets.checks import check_of
from tests.unit.probing.expecting import expecting


@pytest.fixture
def threads() -> Iterator[Threads]:
    pool = Threads("test", 1)
    yield pool
    pool.close()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit that a busy machine may reach first; its own tests set it."""
    monkeypatch.setattr(extract, "_THREAD_LIMIT_S", 60.0)


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


class Burning(Blocking):
    """One that keeps a processor busy until it is released. `begun` once it has had all of its time."""

    def __call__(self, body: bytes, charset: str | None) -> str:
        until_cpu_s = time.thread_time() + extract._THREAD_LIMIT_S
        while time.thread_time() < until_cpu_s:
            pass
        self.begun.set()
        while not self.release.is_set():
            pass
        return body.decode()


class FromBegin:
    """In place of `asyncio`: a limit that counts from when the extractor has begun, not while it waits for a thread
    or a processor."""

    def __init__(self, blocking: Blocking) -> None:
        self._blocking = blocking

    async def wait(
        self, futures: Sequence[asyncio.Future[Findings]], timeout: float
    ) -> tuple[set[asyncio.Future[Findings]], set[asyncio.Future[Findings]]]:
        await asyncio.to_thread(self._blocking.begun.wait, 60)
        return await asyncio.wait(futures, timeout=timeout)


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


class Where:
    """An extractor that notes the thread it is called in."""

    source = "where"

    def __init__(self, *, quick: bool | None = None) -> None:
        self.thread = 0
        if quick is not None:
            self.quick = quick

    def __call__(self, body: bytes, charset: str | None) -> str:
        self.thread = threading.get_ident()
        return "there"


@pytest.mark.parametrize(
    ("quick", "size_bytes", "at_once"),
    [(None, 1, True), (True, 65_536, True), (None, 65_537, False), (False, 1, False)],
)
async def test_what_may_take_long_is_done_in_a_thread(
    threads: Threads, quick: bool | None, size_bytes: int, at_once: bool
) -> None:
    where = Where(quick=quick)
    assert (await Extraction(threads)(_taking(where), b"x" * size_bytes)).value == "there"
    assert (where.thread == threading.get_ident()) is at_once


@pytest.mark.parametrize(("path", "at_once"), [("$.a", True), ("$..a", False)])
async def test_a_path_of_jsonpath_ng_is_followed_in_a_thread(
    threads: Threads, path: str, at_once: bool
) -> None:
    """Also one in `expect`, whether there is a quick one beside it or not."""
    check = expecting(
        f"json_path: $.b, expect: {{json: [{{path: $.b, exists: true}}, {{path: {path}, equals: 1}}]}}"
    )
    threads_seen: set[int] = set()
    for assertion in check.assertions:
        assert isinstance(assertion.path, JsonPathExtractor)
        assertion.path.element = _noting(assertion.path.element, threads_seen)
    found = await Extraction(threads)(check, b'{"a": 1, "b": 2}')
    assert [one.outcome for one in found.asserted] == ["held", "held"]
    assert len(threads_seen) == 1
    assert (threading.get_ident() in threads_seen) is at_once


def _noting(find: Finder, threads_seen: set[int]) -> Finder:
    def noting(document: object) -> object:
        threads_seen.add(threading.get_ident())
        return find(document)

    return noting


async def test_assertions_that_hold_are_told_unless_nobody_wants_to_know(threads: Threads) -> None:
    check = expecting("expect: {body: {contains: a, not_contains: b}, total_ms: {at_most: 0}}")
    told = (await Extraction(threads)(check, b"ab")).asserted
    assert [one.outcome for one in told] == ["held", "failed", "held"]
    told = (await Extraction(threads, tell_held=False)(check, b"ab")).asserted
    assert [one.outcome for one in told] == ["failed"]


async def test_assertions_on_texts_are_quick(threads: Threads) -> None:
    where = Where()
    check = replace(expecting("expect: {body: {contains: a}, headers: {x: {equals: 1}}}"), extractor=where)
    await Extraction(threads)(check, b"a", None, {"x": "1"})
    assert where.thread == threading.get_ident()


async def test_what_came_with_the_body_is_seen_too(threads: Threads) -> None:
    check = expecting(
        "regex: (.*), expect: {headers: {x: {equals: 1}}, total_ms: {at_most: 5}, certificate_days: {at_least: 1}}"
    )
    found = await Extraction(threads)(
        check, "тест".encode("koi8-r"), "koi8-r", {"x": "1"}, total_us=5_000, certificate_left_us=86_400_000_000,
        mask=lambda text: text.replace("5", "*"),
    )  # fmt: skip
    assert found.value == "тест"
    assert [(one.outcome, one.seen) for one in found.asserted] == [
        ("held", '"1"'), ("held", "*.000"), ("held", "1.00"),
    ]  # fmt: skip


class Slow(RegexExtractor):
    """A search that takes longer than it may the first time."""

    def __init__(self) -> None:
        super().__init__("slow")
        self.limits: list[tuple[bool, float]] = []

    def first(self, text: str, limit_s: float) -> str:
        at_once = threading.current_thread() is threading.main_thread()
        self.limits.append((at_once, limit_s))
        if at_once:
            raise TimeoutError
        return "found"


async def test_a_search_on_the_loop_has_little_time_and_all_of_it_in_a_thread(threads: Threads) -> None:
    slow = Slow()
    assert (await Extraction(threads)(_taking(slow), b"x")).value == "found"
    (first, first_limit_s), second = slow.limits
    assert first
    assert first_limit_s <= QUICK_S
    assert second == (False, LIMIT_S)


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
    monkeypatch.setattr(extract, "_THREAD_LIMIT_S", 0.3)
    blocking = Burning()
    monkeypatch.setattr(extract, "asyncio", FromBegin(blocking))
    with pytest.raises(ExtractFailed, match=r"^blocking took more than 0\.3 s on this body$"):
        await Extraction(threads)(_taking(blocking), b"x")
    # The only thread is still in it: whoever comes next finds none, which is our own shortage.
    with pytest.raises(Busy, match=r"^all threads for extraction are busy$"):
        await Extraction(threads)(_taking(blocking), b"x")
    blocking.release.set()


async def test_with_assertions_it_is_not_the_value_alone_that_may_have_taken_too_long(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "_THREAD_LIMIT_S", 0.3)
    blocking = Burning()
    monkeypatch.setattr(extract, "asyncio", FromBegin(blocking))
    check = replace(expecting("expect: {body: {contains: a}}"), extractor=blocking)
    with pytest.raises(ExtractFailed, match=r"^what is expected took more than 0\.3 s on this body$"):
        await Extraction(threads)(check, b"x")
    blocking.release.set()


async def test_one_that_got_no_processor_is_our_own_shortage(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "_THREAD_LIMIT_S", 0.05)
    monkeypatch.setattr(extract, "_THREAD_LIMIT_WHEN_BUSY_S", 0.05)
    # As it is told on Linux; not every system tells it.
    monkeypatch.setattr(Job, "cpu_s", lambda _job: 0.002)
    waiting = Blocking()
    monkeypatch.setattr(extract, "asyncio", FromBegin(waiting))
    with pytest.raises(Busy, match=r"^this machine was too busy to look at the answer$"):
        await Extraction(threads)(_taking(waiting), b"x")
    waiting.release.set()


async def test_one_that_got_half_a_processor_has_more_time(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "_THREAD_LIMIT_S", 0.05)
    monkeypatch.setattr(extract, "_THREAD_LIMIT_WHEN_BUSY_S", 60.0)

    class HalfAProcessor(Blocking):
        def cpu_s(self, _job: Job[Findings]) -> float:
            self.release.set()
            return 0.025

    waiting = HalfAProcessor()
    monkeypatch.setattr(Job, "cpu_s", lambda job: waiting.cpu_s(job))
    monkeypatch.setattr(extract, "asyncio", FromBegin(waiting))
    assert (await Extraction(threads)(_taking(waiting), b"x")).value == "x"


async def test_what_was_found_while_the_loop_stood_still_counts(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "_THREAD_LIMIT_S", 0.05)
    slow = Blocking()
    asyncio.get_running_loop().call_later(0.01, lambda: (slow.release.set(), time.sleep(0.2)))
    assert (await Extraction(threads)(_taking(slow), b"x")).value == "x"


async def test_a_search_that_got_no_processor_is_our_own_shortage(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limits pass at once, long before the search has had its part of a processor."""
    monkeypatch.setattr(regex_search, "_TRIES_S", (0.000_1, 0.6))
    slow = _taking(compile_regex("(a|aa)+$"))
    found = await Extraction(threads)(slow, b"a" * 100 + b"b")
    assert "took more than 100 ms" in str(found.failure), "begun again, and slow then too"
    monkeypatch.setattr(regex_search, "_TRIES_S", (0.000_1, 0.000_1))
    with pytest.raises(Busy, match=r"^this machine was too busy for a search in the answer$"):
        await Extraction(threads)(slow, b"a" * 100 + b"b")


def _body_that_takes(least_s: float, extractor: RegexExtractor) -> bytes:
    """The shortest on which the search needs so much of a processor; the next one would take half as much again."""
    for length in range(15, 60):
        body = b"a" * length + b"c"
        began_cpu_s = time.thread_time()
        extractor.first(body.decode(), 60.0)
        if time.thread_time() - began_cpu_s >= least_s:
            return body
    raise AssertionError("no body takes so long")


@pytest.mark.parametrize("kind", ["regex", "json_path"])
async def test_searches_side_by_side_do_not_use_up_the_time_of_each_other(kind: str) -> None:
    """`regex` counts what the whole process has of processors."""
    pattern, at_once = "(?:(?:a|aa)+b)|(c)", 8
    extractor = compile_regex(pattern)
    body, wanted = _body_that_takes(0.02, extractor), "c"
    pool = Threads("test", at_once)
    taking = _taking(extractor)
    if kind == "json_path":
        taking = _taking(compile_json_path(f"$[?(@.a =~ '{pattern}')].b"))
        body, wanted = json.dumps([{"a": body.decode(), "b": "kept"}]).encode(), "kept"
    found = await asyncio.gather(*(Extraction(pool)(taking, body) for _ in range(at_once)))
    assert [(one.value, one.failure) for one in found] == [(wanted, None)] * at_once
    pool.close()


async def test_a_call_that_has_begun_has_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, a thread that was interrupted between the two would seem to have had all of its time."""
    job = Job(lambda: "done")
    begun: list[bool] = []

    def clock_of(_ident: int) -> int:
        begun.append(job.begun)
        return 0

    monkeypatch.setattr("apistatus.probing.threads._cpu_clock_of", clock_of)
    job.carry_out()
    assert await job.future == "done"
    assert begun == [False]


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
