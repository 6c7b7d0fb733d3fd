"""From the host of a hop to the addresses that a check may connect to."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from time import monotonic_ns

from apistatus.probing.attempt import Attempt
from apistatus.probing.deadlines import Within
from apistatus.probing.failures import DeadlinePassed
from apistatus.probing.hop_plan import HopPlan
from apistatus.probing.network_policy import Blocked, NetworkPolicy
from apistatus.probing.resolve import Address, NameNotResolved, Resolver


class Reaching:
    """Looks up the host and holds every address against the policy: what is tested here is what is connected
    to, so that a name cannot mean something else a moment later."""

    def __init__(self, policy: NetworkPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver

    async def addresses(self, attempt: Attempt, plan: HopPlan, deadline_s: float) -> Sequence[Address]:
        """At least one, in the order to try them; phase `resolve` is measured when it needed a look-up.

        Raises NameNotResolved, Blocked, DeadlinePassed, Busy; OSError when our own side lacks something.
        """
        found: list[Address] | None
        if plan.literal is not None:
            found = [_of_family(plan.literal, plan.family, attempt)]
        else:
            found = self._resolver.known(plan.host, plan.port, plan.family)
            if found is None:
                found = await self._looked_up(attempt, plan, deadline_s)
        attempt.timeline.phase = "connect"
        return self.allowed(found)

    def close(self) -> None:
        """Give up look-ups under way."""
        self._resolver.close()

    async def _looked_up(self, attempt: Attempt, plan: HopPlan, deadline_s: float) -> list[Address]:
        attempt.timeline.phase = "resolve"
        began_ns = monotonic_ns()
        limit = Within(deadline_s)
        try:
            async with limit:
                found = await self._resolver.lookup(plan.host, plan.port, plan.family)
        except TimeoutError as error:
            if not limit.has_passed:
                raise
            raise self._resolver.starved(plan.host, plan.family) or DeadlinePassed from error
        attempt.timeline.measured("resolve", max(0, found.at_ns - began_ns))
        return found.addresses

    def allowed(self, addresses: list[Address]) -> list[Address]:
        """Those that the policy lets us reach. Raises Blocked when there are none."""
        refusals = [self._policy.refusal(address.ip) for address in addresses]
        allowed = [address for address, refusal in zip(addresses, refusals, strict=True) if refusal is None]
        if not allowed:
            raise Blocked("; ".join(filter(None, refusals)))
        return allowed


def _of_family(address: Address, family: int, attempt: Attempt) -> Address:
    if family and address.family != family:
        attempt.timeline.phase = "resolve"
        version, other = (4, 6) if family == socket.AF_INET else (6, 4)
        raise NameNotResolved(f"{address.ip} is an IPv{other} address, and `ip_family` is {version}")
    return address
