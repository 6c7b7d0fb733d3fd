"""Who uses a connection, one after the other."""

from __future__ import annotations

import asyncio
import weakref

from apistatus.probing.connection import Connection
from apistatus.probing.resolve import Resolver


class User:
    def ready(self) -> None:
        """Called when the socket is."""


async def test_who_made_a_connection_is_forgotten_once_it_is_handed_over() -> None:
    address = Resolver.literal("127.0.0.1", 1)
    assert address is not None
    connection = Connection(address, asyncio.get_running_loop())
    maker, user = User(), User()
    connection.on_readable = connection.on_writable = maker.ready
    forgotten = weakref.ref(maker)
    del maker
    connection.hand_over(user.ready)
    assert forgotten() is None
    assert connection.on_readable == user.ready
    connection.on_writable()
    connection.close()
