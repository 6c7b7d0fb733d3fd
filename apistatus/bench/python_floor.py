"""The floor in Python: what floor.c does, with nothing between it and the system but the standard library.

python -m apistatus.bench.python_floor COUNT AT_ONCE plain|tls CA_FILE|- PORT...

Prints microseconds of CPU per check, as floor.c does.
"""

from __future__ import annotations

import contextlib
import errno
import resource
import select
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Final

from apistatus.errors import ApistatusError

_REQUEST: Final = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nConnection: close\r\nUser-Agent: floor\r\n\r\n"
)
_NONBLOCKING: Final = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
_READ_BYTES: Final = 65_536
_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"


class Unexpected(ApistatusError):
    """A response that was none, or not what was wanted."""


class _Check:
    """One fresh connection: a request out, a response in."""

    __slots__ = ("_in", "_out", "_request", "_tls", "data", "sent", "sock")

    def __init__(self, port: int, request: bytes, context: ssl.SSLContext | None) -> None:
        self.sent, self.data = False, b""
        self._request = request
        self.sock = socket.socket(socket.AF_INET, _NONBLOCKING)
        self.sock.settimeout(0)
        code = self.sock.connect_ex(("127.0.0.1", port))
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, "cannot connect")
        self._tls: ssl.SSLObject | None = None
        if context is not None:
            self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls = context.wrap_bio(self._in, self._out, server_hostname="127.0.0.1")

    def go_on(self) -> bool:
        """Do what can be done now; True when the response or the connection ended. Raises OSError, ssl.SSLError."""
        if self._tls is None:
            if not self.sent:
                self.sock.send(self._request)
                self.sent = True
            # To the end of what is there: the system tells of it once.
            while got := self._read():
                self.data += got
                if self.is_whole():
                    return True
            return got == b""
        if not self.sent:
            return self._shake_hands(self._tls)
        got = self._read()
        if got:
            self._in.write(got)
        elif got == b"":
            self._in.write_eof()
        return self._take_decrypted(self._tls)

    def _read(self) -> bytes | None:
        with contextlib.suppress(BlockingIOError):  # nothing has come yet
            return self.sock.recv(_READ_BYTES)
        return None

    def _shake_hands(self, tls: ssl.SSLObject) -> bool:
        if (got := self._read()) is not None:
            self._in.write(got)
            if not got:
                raise Unexpected("the connection ended within the handshake")
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            if self._out.pending:
                self.sock.send(self._out.read())
            return False
        tls.write(self._request)
        self.sent = True
        self.sock.send(self._out.read())
        return self._take_decrypted(tls)

    def _take_decrypted(self, tls: ssl.SSLObject) -> bool:
        with contextlib.suppress(ssl.SSLWantReadError):  # all that has come is read
            while got := tls.read(_READ_BYTES):
                self.data += got
            return True
        return self.is_whole()

    def is_whole(self) -> bool:
        """True once there is as much as the head promises."""
        head = self.data.find(_END_OF_HEAD)
        if head < 0:
            return False
        at = self.data.lower().find(_LENGTH, 0, head)
        if at < 0:
            return False
        length = int(self.data[at + len(_LENGTH) : self.data.find(b"\r\n", at + 2)])
        return len(self.data) >= head + len(_END_OF_HEAD) + length


def fetch(
    requests: Sequence[tuple[int, bytes]], count: int, at_once: int, context: ssl.SSLContext | None = None
) -> Iterator[bytes]:
    """Fetch so many responses, so many at once, by these requests to these ports of loopback in turn.

    Raises OSError, Unexpected for a status other than 200.
    """
    turn = cycle(requests)
    poll = select.epoll()
    checks: dict[int, _Check] = {}

    def begin() -> None:
        port, request = next(turn)
        check = _Check(port, request, context)
        checks[check.sock.fileno()] = check
        poll.register(check.sock, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)

    begun = min(at_once, count)
    with poll:
        try:
            for _ in range(begun):
                begin()
            while checks:
                for fd, event in poll.poll():
                    check = checks[fd]
                    if not check.sent and not event & select.EPOLLOUT:
                        continue
                    if not check.go_on():
                        continue
                    if not check.data.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
                        raise Unexpected(f"not what was asked for: {check.data[:200]!r}")
                    yield check.data
                    del checks[fd]
                    check.sock.close()
                    if begun < count:
                        begun += 1
                        begin()
        finally:
            for check in checks.values():
                check.sock.close()


def main(count: int, at_once: int, kind: str, ca_file: str, ports: Sequence[int]) -> float:
    """Microseconds of processor time per check."""
    context = ssl.create_default_context(cafile=ca_file) if kind == "tls" else None
    requests = [(port, _REQUEST) for port in ports]
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _response in fetch(requests, count, at_once, context):
        pass
    after = resource.getrusage(resource.RUSAGE_SELF)
    used_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return used_s * 1e6 / count


if __name__ == "__main__":
    count, at_once, kind, ca_file, *ports = sys.argv[1:]
    used_us = main(int(count), int(at_once), kind, ca_file, [int(port) for port in ports])
    sys.stdout.write(f"{used_us:.3f}\n")
