"""Python imports this at its start when the folder is on PYTHONPATH: the moment between connecting and looking
whether that went well is stretched until the peer has reset the connection.

HELD_PORT names the port for which that is done. The connection and its RST are real; only a machine as busy as
that is not to be had at will.
"""

from __future__ import annotations

import os
import select
import socket
from typing import Any

_connect_ex = socket.socket.connect_ex


def _held(self: socket.socket, address: Any, /) -> int:
    code = _connect_ex(self, address)
    if address[1] == int(os.environ["HELD_PORT"]):
        poll = select.poll()
        poll.register(self.fileno(), 0)  # an error or a hang-up is always told
        poll.poll(60_000)
    return code


socket.socket.connect_ex = _held
