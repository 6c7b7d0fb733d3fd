"""Stamps of the kernel, and what happens when they cannot be believed."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator
from time import monotonic_ns, sleep, time_ns
from typing import Any

import pytest

from apistatus.probing import stamps
from apistatus.probing.stamps import Arrivals, StampsOn, connect_ns, want_stamps

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="stamps of the kernel are Linux's")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection over loopback: who reads with stamps, and who writes."""
    on = StampsOn(wait_s=60)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as reader:
        want_stamps(reader)
        reader.connect(listener.getsockname())
        writer, _ = listener.accept()
        with writer:
            yield reader, writer
    on.close()


@on_linux
def test_the_stamp_is_of_the_arrival_and_not_of_the_reading(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    reader, writer = pair
    arrivals = Arrivals()
    before_ns = monotonic_ns()
    writer.sendall(b"hello")
    after_ns = monotonic_ns()
    until_ns = after_ns + 30_000_000
    while monotonic_ns() < until_ns:
        pass
    assert arrivals.read(reader, 1, peek=True) == b"h"
    peeked_ns = arrivals.at_ns
    assert arrivals.read(reader, 100) == b"hello"
    assert arrivals.kernel
    assert before_ns - 1_000_000 <= peeked_ns <= arrivals.at_ns <= after_ns + 20_000_000


@on_linux
def test_a_peek_leaves_the_byte_and_its_stamp_and_a_read_has_the_stamp_of_the_last(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    reader, writer = pair
    arrivals = Arrivals()
    writer.sendall(b"first")
    assert arrivals.read(reader, 1, peek=True) == b"f"
    first_ns = arrivals.at_ns
    until_ns = monotonic_ns() + 20_000_000
    while monotonic_ns() < until_ns:
        pass
    writer.sendall(b"last")
    assert arrivals.read(reader, 100) == b"firstlast"
    assert arrivals.at_ns - first_ns >= 19_000_000


class _Clock:
    """The wall clock, which can be set."""

    def __init__(self) -> None:
        self.set_by_ns = 0

    def __call__(self) -> int:
        return time_ns() + self.set_by_ns


@on_linux
@pytest.mark.parametrize("step_ns", [-3_600_000_000_000, 5_000_000, 3_600_000_000_000])
def test_a_clock_that_was_set_makes_the_reading_count(
    step_ns: int, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = pair
    clock = _Clock()
    monkeypatch.setattr(stamps, "time_ns", clock)
    arrivals = Arrivals()
    writer.sendall(b"hello")
    clock.set_by_ns = step_ns
    before_ns = monotonic_ns()
    assert arrivals.read(reader, 100) == b"hello"
    assert not arrivals.kernel
    assert before_ns <= arrivals.at_ns <= monotonic_ns()


class _Interrupted:
    """Both clocks of a process that is interrupted before it reads the wall clock, as often as told."""

    def __init__(self, *interruptions_ns: int) -> None:
        self._now_ns, self._ahead_ns = monotonic_ns(), time_ns() - monotonic_ns()
        self.left = list(interruptions_ns)

    def monotonic_ns(self) -> int:
        return self._now_ns

    def time_ns(self) -> int:
        self._now_ns += self.left.pop(0)
        return self._now_ns + self._ahead_ns

    def go_on(self) -> None:
        self._now_ns = monotonic_ns()


@on_linux
@pytest.mark.parametrize(
    ("at_first", "at_reading"),
    [([0], [0]), ([0], [2_000_000, 2_000_000, 0]), ([2_000_000, 0], [0]), ([2_000_000, 1_000_000, 0], [9_000_000, 0])],
)  # fmt: skip
def test_an_interruption_between_the_two_clocks_is_not_taken_for_a_step(
    at_first: list[int], at_reading: list[int], pair: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    reader, writer = pair
    clocks = _Interrupted(*at_first, *at_reading)
    monkeypatch.setattr(stamps, "monotonic_ns", clocks.monotonic_ns)
    monkeypatch.setattr(stamps, "time_ns", clocks.time_ns)
    arrivals = Arrivals()
    writer.sendall(b"hello")
    clocks.go_on()
    arrivals.read(reader, 100)
    assert arrivals.kernel
    assert not clocks.left


@on_linux
def test_of_clocks_never_read_together_those_read_closest_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = _Interrupted(9_000_000, 400_000, 5_000_000, 7_000_000)
    true_ahead_ns = clocks._ahead_ns
    monkeypatch.setattr(stamps, "monotonic_ns", clocks.monotonic_ns)
    monkeypatch.setattr(stamps, "time_ns", clocks.time_ns)
    assert stamps._wall_clock_ahead_ns() == true_ahead_ns + 400_000


@on_linux
def test_stamps_are_there_before_the_first_answer_can_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel turns stamping on a little after it was asked: what had come until then was without a stamp."""
    asked: list[socket.socket] = []
    looks: list[float] = []

    def look_again(seconds: float) -> None:
        looks.append(seconds)
        sleep(seconds)
        if len(looks) == 3:
            for sock in asked:
                want_stamps(sock)

    monkeypatch.setattr(stamps, "want_stamps", asked.append)
    monkeypatch.setattr(stamps, "sleep", look_again)
    StampsOn(wait_s=60).close()
    assert len(looks) >= 3


@on_linux
@pytest.mark.parametrize("wait_s", [0.0, 0.001])
def test_a_kernel_that_stamps_nothing_is_not_waited_for_longer_than_told(
    wait_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    monkeypatch.setattr(stamps, "want_stamps", lambda _sock: None)
    monkeypatch.setattr(stamps, "sleep", lambda seconds: (looks.append(seconds), sleep(seconds)))
    StampsOn(wait_s).close()
    assert sum(looks) <= wait_s + stamps._STAMPING_LOOK_S


@on_linux
def test_without_descriptors_to_look_with_the_first_answers_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_descriptors(*_: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(stamps.socket, "create_server", no_descriptors)
    StampsOn().close()


@pytest.mark.parametrize("control", [[], [(1, 35, b"short")]])
def test_a_segment_without_a_stamp_counts_when_it_is_read(
    control: list[tuple[int, int, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def recvmsg(self, *_: int) -> tuple[bytes, list[tuple[int, int, Any]], int, None]:
            return b"x", control, 0, None

    monkeypatch.setattr(stamps, "HAS_KERNEL_STAMPS", True)
    arrivals = Arrivals()
    before_ns = monotonic_ns()
    assert arrivals.read(Silent(), 10) == b"x"
    assert not arrivals.kernel
    assert before_ns <= arrivals.at_ns <= monotonic_ns()


def test_without_kernel_stamps_everything_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamps, "HAS_KERNEL_STAMPS", False)
    StampsOn().close()
    left, right = socket.socketpair()
    with left, right:
        want_stamps(left)
        right.sendall(b"hello")
        arrivals = Arrivals()
        assert arrivals.read(left, 1, peek=True) == b"h"
        assert arrivals.read(left, 100) == b"hello"
        assert not arrivals.kernel
        assert connect_ns(left, 10**9) is None


@on_linux
def test_the_kernel_tells_how_long_connecting_took(pair: tuple[socket.socket, socket.socket]) -> None:
    reader, _ = pair
    took_ns = connect_ns(reader, 10**9)
    assert took_ns is not None
    assert 0 < took_ns < 10**9
    assert connect_ns(reader, 1) is None, "longer than we waited for it cannot be"


@on_linux
def test_a_socket_without_a_round_trip_tells_none() -> None:
    with socket.socket() as unconnected, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as no_tcp:
        assert connect_ns(unconnected, 10**9) is None
        assert connect_ns(no_tcp, 10**9) is None


@on_linux
def test_a_repeated_syn_is_no_round_trip() -> None:
    class Repeated:
        def getsockopt(self, *_: int) -> bytes:
            return bytes(68) + (50).to_bytes(4, sys.byteorder) + bytes(28) + (1).to_bytes(4, sys.byteorder)

    assert connect_ns(Repeated(), 10**9) is None
