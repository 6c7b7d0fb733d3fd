"""What a demo runs in: the services, and the environment that each of its processes is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from apistatus.demo.processes import Child
from apistatus.demo.snapshot import Watched
from apistatus.settings.schema import PostgresSettings

Mode = Literal["local", "cloud"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Made by `local` or `cloud`; the three commands and the view need nothing else."""

    mode: Mode
    migrate: Mapping[str, str]
    produce: Mapping[str, str]
    consume: Mapping[str, str]
    app: PostgresSettings
    """The database as the view reads it: with the application role."""
    watched: Sequence[Watched]
    location: str
    look_inside: str
    """A shell line that opens the database."""
    note: str
    """What to know about this run, in a sentence."""
    children: Sequence[Child] = ()
    """Processes that have to live as long as the demo."""
    kept: Sequence[str] = ()
    """What stays behind on purpose, and how to use it: lines for the end."""
