"""Who looks names up for checks, as the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apistatus.probing.resolve import Resolver
    from apistatus.settings.schema import ProbeSettings


def resolver_of(probe: ProbeSettings) -> Resolver:
    """A resolver for one prober, which closes it."""
    from apistatus.probing.resolve import Resolver, names_of

    return Resolver(names_of(probe.resolver, probe.name_servers))
