"""The proxy, and on top of it a network that loses every packet: nothing is acknowledged any more.

A proxy that merely swallows bytes still acknowledges them, so no time limit of TCP would ever run out.
Here a filter of the kernel (SO_ATTACH_FILTER, socket(7)) drops segments before TCP sees them.
"""

from __future__ import annotations

import ctypes
import socket
import struct

from tests.services.proxy import Proxy

_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
_BPF_RETURN = 0x06


class Network(Proxy):
    """A Proxy that can also lose packets between itself and its clients."""

    def lose_packets(self) -> None:
        """From now on no segment of any client, old or new, arrives: no ACK, no RST, no FIN."""
        self._call(lambda: [_drop_all(side) for side in self._sides()])

    def deliver_packets(self) -> None:
        """End that. What a client still retransmits arrives."""
        self._call(
            lambda: [side.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0) for side in self._sides()]
        )

    def _sides(self) -> list[socket.socket]:
        sides = [connection.client for connection in self._connections]
        if self._listener is not None:
            sides.append(self._listener)
        return [side for side in sides if side.fileno() >= 0]


def _drop_all(side: socket.socket) -> None:
    """Attach the classic BPF program `ret #0`: accept no byte of any packet."""
    instruction = ctypes.create_string_buffer(struct.pack("HBBI", _BPF_RETURN, 0, 0, 0))
    program = struct.pack("HL", 1, ctypes.addressof(instruction))
    side.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
