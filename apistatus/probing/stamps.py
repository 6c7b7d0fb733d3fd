"""When bytes came and how long connecting took, as the kernel saw it; as we saw it elsewhere.

An event loop that is busy looks at a socket late. Linux notes the arrival of a segment (SO_TIMESTAMPNS,
socket(7)) and the time between SYN and SYN/ACK (TCP_INFO, tcp(7)), so that our own lateness is not taken
for the target's. All stamps here are nanoseconds of the monotonic clock.
"""

from __future__ import annotations

import socket
import struct
import sys
from contextlib import suppress
from time import monotonic_ns, sleep, time_ns
from typing import Any, Final

HAS_KERNEL_STAMPS: Final = sys.platform == "linux"

# asm-generic/socket.h; Python's socket module has no name for it.
_SO_TIMESTAMPNS: Final = 35
_TIMESPEC: Final = struct.Struct("@ll")
_CONTROL_BYTES: Final = socket.CMSG_SPACE(_TIMESPEC.size)
# linux/tcp.h, struct tcp_info: tcpi_rtt at 68, tcpi_total_retrans at 100.
_TCP_INFO: Final = struct.Struct("68xI28xI")
_TCP_INFO_OPTION: Final = getattr(socket, "TCP_INFO", 11)
_CLOCKS_APART_NS: Final = 300_000
"""Reading two clocks takes less than this, unless one was set or we were interrupted between them."""
_LOOKS: Final = 4
_STAMPING_WAIT_S: Final = 0.02
_STAMPING_LOOK_S: Final = 0.0002


class StampsOn:
    """Keeps the kernel stamping while it is open.

    The kernel turns stamping on with the first socket that asks for it and off with the last, both a
    little later and at some cost; without this, each check on its own would do that, and the first one's
    answer could come before.
    """

    def __init__(self, wait_s: float = _STAMPING_WAIT_S) -> None:
        """Waits until segments are stamped, for `wait_s` seconds at most. Raises OSError without a descriptor."""
        self._held: socket.socket | None = None
        if HAS_KERNEL_STAMPS:
            self._held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            want_stamps(self._held)
            with suppress(
                OSError
            ):  # without loopback or descriptors to look with, the first stamps may be ours
                _wait_until_stamping(wait_s)

    def close(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


def _wait_until_stamping(wait_s: float) -> None:
    """Send bytes over a connection of our own until one comes with a stamp (0.1 ms on an idle machine)."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as reader:
        want_stamps(reader)
        reader.settimeout(wait_s)
        reader.connect(listener.getsockname())
        listener.settimeout(wait_s)
        writer, _ = listener.accept()
        until_ns = monotonic_ns() + int(wait_s * 1e9)
        with writer:
            writer.sendall(b"x")
            while not reader.recvmsg(1, _CONTROL_BYTES)[1] and monotonic_ns() < until_ns:
                sleep(_STAMPING_LOOK_S)
                writer.sendall(b"x")


def want_stamps(sock: socket.socket) -> None:
    """Have the kernel stamp what this socket receives, where it can."""
    if HAS_KERNEL_STAMPS:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def connect_ns(sock: socket.socket, waited_ns: int) -> int | None:
    """Nanoseconds from SYN to SYN/ACK on a fresh connection; None when the kernel does not tell.

    `waited_ns` is how long we waited for it, which is an upper bound. A SYN that had to be repeated
    is no round trip that the kernel measures.
    """
    if not HAS_KERNEL_STAMPS:
        return None
    try:
        rtt_us, retransmissions = _TCP_INFO.unpack(
            sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO_OPTION, _TCP_INFO.size)
        )
    except (OSError, struct.error):
        return None
    rtt_ns: int = rtt_us * 1000
    return rtt_ns if 0 < rtt_ns <= waited_ns and not retransmissions else None


class Arrivals:
    """Reads from a socket and says when what it read had come.

    `kernel` is true as long as every stamp was the kernel's. The kernel stamps with the wall clock: when
    that was set since `Arrivals` was made, the stamp is not believed and the time of reading counts.
    """

    __slots__ = ("_ahead_ns", "at_ns", "kernel", "late_ns")

    def __init__(self) -> None:
        self.kernel = HAS_KERNEL_STAMPS
        self._ahead_ns = _wall_clock_ahead_ns()
        self.late_ns = 0
        """How late, at worst, we looked at what had come: the lag of our own event loop."""
        self.at_ns = 0
        """When the last thing read had come; of several segments read at once, the last one."""

    def read(self, sock: socket.socket, max_bytes: int, *, peek: bool = False) -> bytes:
        """As `recv`. With `peek` nothing is taken, and with `max_bytes` 1 the stamp is the first byte's; but of
        segments that had come and were not looked at, the kernel may have kept the last one's alone."""
        flags = socket.MSG_PEEK if peek else 0
        if not self.kernel:
            data = sock.recv(max_bytes, flags)
            self.at_ns = monotonic_ns()
            return data
        data, control, _, _ = sock.recvmsg(max_bytes, _CONTROL_BYTES, flags)
        self.at_ns = self._arrival_ns(control) if data else monotonic_ns()
        return data

    def _arrival_ns(self, control: list[tuple[int, int, Any]]) -> int:
        now_ns = monotonic_ns()
        if control and len(control[0][2]) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(control[0][2])
            if self._agrees(time_ns() - now_ns) or self._agrees(_wall_clock_ahead_ns()):
                at_ns: int = seconds * 1_000_000_000 + nanoseconds - self._ahead_ns
                late_ns = now_ns - at_ns
                if late_ns > self.late_ns:
                    self.late_ns = late_ns
                return at_ns if late_ns > 0 else now_ns
        self.kernel = False
        return now_ns

    def _agrees(self, ahead_ns: int) -> bool:
        return abs(ahead_ns - self._ahead_ns) <= _CLOCKS_APART_NS


def _wall_clock_ahead_ns() -> int:
    """How far the wall clock is ahead of the monotonic one. An interruption between the two readings would look
    like a step of the wall clock, so they are repeated until nothing came between."""
    ahead_ns, apart_ns = 0, sys.maxsize
    for _ in range(_LOOKS):
        before_ns = monotonic_ns()
        wall_ns = time_ns()
        took_ns = monotonic_ns() - before_ns
        if took_ns < apart_ns:
            ahead_ns, apart_ns = wall_ns - before_ns, took_ns
        if took_ns <= _CLOCKS_APART_NS:
            break
    return ahead_ns
