"""Taking in one response on behalf of an attempt."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from apistatus.probing.attempt import Attempt
from apistatus.probing.decoding import Body, TooLarge
from apistatus.probing.failures import DeadlinePassed
from apistatus.probing.measured import Measured
from apistatus.probing.redirects import FOLLOWED, location_of
from apistatus.probing.response_reader import ResponseReader

_READ_ENCODED_BYTES: Final = 2_048
"""Read at once of a body that may decode to a thousand times as much."""


class Reception:
    """An exchange's listener: decodes the body as it comes, and wakes whoever awaits `over`."""

    __slots__ = ("_attempt", "body", "error", "exchange", "location", "over", "response")

    def __init__(self, attempt: Attempt, loop: asyncio.AbstractEventLoop) -> None:
        self._attempt = attempt
        self.over: asyncio.Future[None] = loop.create_future()
        self.error: Exception | None = None
        self.body: Body | None = None
        self.location: str | None = None
        """Where a redirect that is to be followed leads."""
        self.exchange: Measured
        self.response: ResponseReader

    def on_open(self) -> None:
        """Nothing to be done: the exchange keeps the time."""

    def on_head(self, response: ResponseReader) -> bool:
        """Note the status; False for a redirect that is followed. Raises TooLarge, BadCoding, RedirectFailed."""
        attempt, check = self._attempt, self._attempt.check
        self.response = response
        attempt.status_code, attempt.http_version = response.status, response.version
        if check.follow_redirects and response.status in FOLLOWED:
            self.location = location_of(response.headers)
            if self.location is not None:
                return False
        attempt.final = True
        self.body = Body(response.header(b"content-encoding"), check.max_body_bytes, keep=check.reads_body)
        if self.body.encoded:
            self.exchange.read_bytes = _READ_ENCODED_BYTES
        elif response.has_body and response.length is not None and response.length > check.max_body_bytes:
            raise TooLarge
        return True

    def on_body(self, piece: bytes) -> None:
        """Decode it. Raises TooLarge, BadCoding."""
        assert self.body is not None
        self.body.feed(piece)

    async def catch_up(self, deadline_s: float) -> None:
        """Decode what came and unfolds to so much that it is still waiting; others have their turn meanwhile.

        Raises TooLarge, BadCoding, DeadlinePassed.
        """
        while self.body is not None and self.body.behind:
            self._attempt.timeline.phase = "body"
            if monotonic() > deadline_s:
                raise DeadlinePassed
            self.body.go_on()
            await asyncio.sleep(0)

    def on_end(self, error: Exception | None) -> None:
        self.error = error
        if not self.over.done():
            self.over.set_result(None)
