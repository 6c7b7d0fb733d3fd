"""Which definition of a check was in force when, at one location (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from apistatus.model.definition import CheckDefined, CheckRemoved, Definition
from apistatus.model.result import Result


@dataclass(frozen=True, slots=True)
class Facts:
    """What a definition says; two equal ones are one version."""

    name: str
    group: str | None
    labels: dict[str, str] | None
    site: str
    endpoint: str
    interval_ms: int
    sla_ms: int | None

    @classmethod
    def of(cls, source: CheckDefined | Result) -> Facts:
        """The facts that a definition or a result carries."""
        return cls(source.name, source.group, source.labels or None, source.site, source.endpoint,
                   source.interval_ms, source.sla_ms)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Version:
    """A definition in force from a tick on, until another tick or until now (None); UTC microseconds."""

    from_us: int
    until_us: int | None
    facts: Facts
    producer: str
    announced: bool = True
    """False: known from a result alone, so no tick is expected of it."""

    def covers(self, instant_us: int) -> bool:
        return self.from_us <= instant_us and (self.until_us is None or instant_us < self.until_us)


def revise(versions: Sequence[Version], definitions: Iterable[Definition]) -> list[Version]:
    """The versions after these definitions came, in the order of time. Any order and repetition is
    allowed; the later message wins for the same tick."""
    revised = sorted(versions, key=lambda version: version.from_us)
    for definition in definitions:
        if isinstance(definition, CheckRemoved):
            revised = _without(revised, definition.from_us)
        else:
            revised = _with(revised, definition)
    return revised


def _with(versions: list[Version], defined: CheckDefined) -> list[Version]:
    at = defined.from_us
    facts = Facts.of(defined)
    current = next((version for version in versions if version.covers(at)), None)
    if current is not None and current.announced and current.facts == facts:
        return versions
    new = Version(at, None, facts, defined.producer)
    before = [version for version in versions if version.from_us < at]
    if before and before[-1].covers(at):
        before[-1] = replace(before[-1], until_us=at)
    # What a result alone told is told better now.
    after = [version for version in versions if version.from_us > at]
    while after and not after[0].announced:
        del after[0]
    ends = [end for end in (current.until_us if current and current.announced else None,
                            after[0].from_us if after else None) if end is not None]  # fmt: skip
    return [*before, replace(new, until_us=min(ends, default=None)), *after]


def _without(versions: list[Version], at: int) -> list[Version]:
    return [
        replace(version, until_us=at) if version.covers(at) else version
        for version in versions
        if not (version.from_us == at and version.covers(at))
    ]
