"""Saying who we are where that has to be worked out first: tokens that checks share, and signatures.

What it takes is part of the attempt's deadline, and of no phase: phases are the target's.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import partial
from typing import Final

import httpx

from apistatus.model.check import AwsSigning, TokenGrant
from apistatus.ports import Clock
from apistatus.probing.attempt import Attempt
from apistatus.probing.auth_errors import NoCredentials
from apistatus.probing.deadlines import Within
from apistatus.probing.failures import DeadlinePassed
from apistatus.probing.fetching import Fetcher
from apistatus.probing.oauth2 import TokenSource
from apistatus.probing.redirects import Hop
from apistatus.probing.sigv4 import AwsKeys, KeyChain, keys_of, load_botocore, signed
from apistatus.probing.supply import Supply
from apistatus.probing.threads import Threads

_MOST_GRANTS: Final = 10_000
_UNAUTHORIZED: Final = 401


class Authorizer:
    """Belongs to the event loop that runs the attempts."""

    def __init__(self, fetcher: Fetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._tasks: set[asyncio.Task[object]] = set()
        self._tokens: OrderedDict[TokenGrant, Supply[str]] = OrderedDict()
        self._threads = Threads("apistatus-aws", 1)
        self._signs = False
        self._keys: Supply[AwsKeys] = Supply(KeyChain(self._threads, clock), clock, self._tasks)

    async def authorize(self, attempt: Attempt) -> None:
        """Have the attempt send what its `late_auth` means. Raises NoCredentials."""
        began_ns = self._clock.mono_ns()
        try:
            match attempt.late_auth:
                case TokenGrant() as grant:
                    token = await self._supply(grant).get(attempt.deadline_s)
                    attempt.bearer = token
                    attempt.send((*attempt.headers, ("Authorization", f"Bearer {token}")), (token,))
                case AwsSigning() as signing:
                    await self._be_able_to_sign(attempt.deadline_s)
                    self._sign(attempt, signing, keys_of(signing) or await self._keys.get(attempt.deadline_s))
                case None:
                    return
        finally:
            attempt.waited_us += (self._clock.mono_ns() - began_ns) // 1000

    async def has_another(self, attempt: Attempt) -> bool:
        """True when the target would not have the attempt's token, and there is another by now.

        Raises NoCredentials when another could not be had.
        """
        grant = attempt.late_auth
        if not isinstance(grant, TokenGrant) or attempt.bearer is None or not was_refused(attempt):
            return False
        began_ns = self._clock.mono_ns()
        try:
            return await self._supply(grant).in_place_of(attempt.bearer, attempt.deadline_s) is not None
        finally:
            attempt.waited_us += (self._clock.mono_ns() - began_ns) // 1000

    def note_second(self, attempt: Attempt) -> None:
        """Learn from the attempt with another token: when that was refused too, tokens are not to blame."""
        if isinstance(attempt.late_auth, TokenGrant) and was_refused(attempt):
            self._supply(attempt.late_auth).was_in_vain()

    async def aclose(self) -> None:
        """Give up what is being fetched; whoever waits for it hears ClosedByUs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.close()

    def _supply(self, grant: TokenGrant) -> Supply[str]:
        supply = self._tokens.get(grant)
        if supply is None:
            if len(self._tokens) >= _MOST_GRANTS:
                self._tokens.popitem(last=False)
            source = TokenSource(grant, self._fetcher, self._clock)
            supply = self._tokens[grant] = Supply(source, self._clock, self._tasks)
        self._tokens.move_to_end(grant)
        return supply

    async def _be_able_to_sign(self, deadline_s: float) -> None:
        """Load what signs, in a thread: it takes tens of milliseconds in which other checks go on."""
        if self._signs:
            return
        try:
            async with Within(deadline_s):
                await self._threads.submit(load_botocore).future
        except TimeoutError as error:
            raise NoCredentials(
                "our own fault: botocore was not loaded before the timeout", "internal"
            ) from error
        self._signs = True

    @staticmethod
    def _sign(attempt: Attempt, signing: AwsSigning, keys: AwsKeys) -> None:
        check = attempt.check
        attempt.sign = partial(signed, signing=signing, keys=keys)
        hop = Hop(check.method, httpx.URL(check.url), attempt.headers, check.body, check.tls)
        headers = attempt.sign(hop).headers
        attempt.send(headers, (*keys.secrets, *_signatures(headers)))


def was_refused(attempt: Attempt) -> bool:
    """True when the target did not believe who we are (RFC 6750, section 3.1), and should have."""
    is_401 = attempt.final and attempt.status_code == _UNAUTHORIZED
    return is_401 and attempt.says_who and not attempt.accepts_status()


def at_fault(error: Exception, attempt: Attempt) -> Exception:
    """The error to tell: a target is not late when most of the timeout went by before it was asked."""
    if isinstance(error, DeadlinePassed) and attempt.waited_us * 2 > attempt.check.timeout_us:
        waited_s = attempt.waited_us / 1e6
        return NoCredentials(
            f"the token took {waited_s:.1f} s of the timeout, which left too little for the check"
        )
    return error


def _signatures(headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    return tuple(value.rpartition("Signature=")[2] for name, value in headers if name == "Authorization")
