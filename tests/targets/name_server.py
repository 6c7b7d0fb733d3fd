"""A name server on the loopback, over UDP and TCP, that answers what a test says: truth, errors, silence, lies."""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

A: Final = 1
CNAME: Final = 5
SOA: Final = 6
AAAA: Final = 28
SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5
# RFC 1035, 4.1.1: a response with recursion, and one that did not fit.
_RESPONSE: Final = 0x8180
_TRUNCATED: Final = 0x0200


@dataclass(frozen=True)
class Record:
    """`data` is an address, or a name for CNAME."""

    kind: int
    data: str
    ttl_s: int = 60


@dataclass
class Entry:
    """What the server knows of a name, and how it behaves when it is asked for it."""

    records: list[Record] = field(default_factory=list)
    code: int = 0
    says_nothing: bool = False
    lies_first: bool = False
    """Another answer with another number comes before the true one."""
    needs_tcp: bool = False
    """Over UDP it says only that the answer does not fit."""
    held: threading.Event | None = None
    """Nothing is said until it is set."""
    makes_no_sense: bool = False
    """What it says is no DNS message."""
    negative_ttl_s: int | None = None
    """Time to live of "no such name", in an SOA record; None: there is none."""


class NameServer:
    """Answers for `entries`; every other name does not exist."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.asked: list[tuple[str, int]] = []
        """Name and type of every question, in order."""
        self.asked_over_tcp: list[str] = []
        self._udp, self._tcp = _two_sockets_with_one_port()
        self.port: int = self._udp.getsockname()[1]
        self._over = threading.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def knows(self, name: str, *ips: str, ttl_s: int = 60) -> None:
        """These are the addresses of the name."""
        records = [Record(AAAA if ":" in ip else A, ip, ttl_s) for ip in ips]
        self.entries[name] = Entry(records)

    def __enter__(self) -> Self:
        for work in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        with socket.socket() as waker:
            waker.connect_ex(("127.0.0.1", self.port))
        for entry in self.entries.values():
            if entry.held is not None:
                entry.held.set()

    # --- the wire ----------------------------------------------------------------------------------

    def _serve_udp(self) -> None:
        with self._udp:
            while True:
                data, peer = self._udp.recvfrom(4096)
                if self._over.is_set():
                    return
                threading.Thread(target=self._answer_udp, args=(data, peer), daemon=True).start()

    def _answer_udp(self, data: bytes, peer: tuple[str, int]) -> None:
        for answer in self._answers(data, over_tcp=False):
            try:
                self._udp.sendto(answer, peer)
            except OSError:  # the server has ended
                return

    def _serve_tcp(self) -> None:
        with self._tcp:
            while True:
                connection, _ = self._tcp.accept()
                if self._over.is_set():
                    connection.close()
                    return
                threading.Thread(target=self._answer_tcp, args=(connection,), daemon=True).start()

    def _answer_tcp(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while head := lines.read(2):
                data = lines.read(struct.unpack("!H", head)[0])
                for answer in self._answers(data, over_tcp=True):
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answers(self, data: bytes, *, over_tcp: bool) -> list[bytes]:
        name, end = _name_at(data, 12)
        kind: int = struct.unpack("!H", data[end : end + 2])[0]
        self.asked.append((name, kind))
        if over_tcp:
            self.asked_over_tcp.append(name)
        entry = self.entries.get(name.lower(), Entry(code=NXDOMAIN))
        if entry.held is not None:
            entry.held.wait(60)
        if entry.says_nothing:
            return []
        if entry.makes_no_sense:
            return [b"\xff" * 50]
        number, question = struct.unpack("!H", data[:2])[0], data[12 : end + 4]
        if entry.needs_tcp and not over_tcp:
            return [struct.pack("!6H", number, _RESPONSE | _TRUNCATED, 1, 0, 0, 0) + question]
        true = _message(number, question, entry, self._found(name, entry, kind))
        if not entry.lies_first:
            return [true]
        lie = Entry([Record(A, "127.0.0.66")])
        return [_message(number ^ 1, question, lie, [(name, lie.records[0])]), true]

    def _found(self, name: str, entry: Entry, kind: int) -> list[tuple[str, Record]]:
        """The records of this type, each under its name, aliases followed."""
        found = []
        for record in entry.records:
            if record.kind in (kind, CNAME):
                found.append((name, record))
            if record.kind == CNAME:
                found += self._found(record.data, self.entries.get(record.data, Entry()), kind)
        return found


def _two_sockets_with_one_port() -> tuple[socket.socket, socket.socket]:
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        try:
            return udp, socket.create_server(udp.getsockname())
        except OSError:  # the kernel chose a port that is free for UDP only
            udp.close()


def _message(number: int, question: bytes, entry: Entry, found: list[tuple[str, Record]]) -> bytes:
    authority = b"" if entry.negative_ttl_s is None else _soa(entry.negative_ttl_s)
    head = struct.pack("!6H", number, _RESPONSE | entry.code, 1, len(found), bool(authority), 0)
    return head + question + b"".join(_written(name, record) for name, record in found) + authority


def _written(name: str, record: Record) -> bytes:
    match record.kind:
        case kind if kind == A:
            data = socket.inet_aton(record.data)
        case kind if kind == AAAA:
            data = socket.inet_pton(socket.AF_INET6, record.data)
        case _:
            data = _encoded(record.data)
    return _encoded(name) + struct.pack("!HHIH", record.kind, 1, record.ttl_s, len(data)) + data


def _soa(ttl_s: int) -> bytes:
    data = _encoded("ns.example") + _encoded("admin.example") + struct.pack("!5I", 1, 60, 60, 60, ttl_s)
    return _encoded("example") + struct.pack("!HHIH", SOA, 1, ttl_s, len(data)) + data


def _encoded(name: str) -> bytes:
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def _name_at(data: bytes, start: int) -> tuple[str, int]:
    labels = []
    while length := data[start]:
        labels.append(data[start + 1 : start + 1 + length].decode())
        start += 1 + length
    return ".".join(labels), start + 1
