"""`apistatus dead-letters`, put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from apistatus.errors import KafkaUnavailable
from apistatus.model.letters import MAX_REPLAYS, Letter, Selection
from apistatus.wiring.letter_choice import Choice, selection
from apistatus.wiring.loading import Environ, Flags, settings_for

if TYPE_CHECKING:
    from apistatus.kafka.forwarder import LetterSender
    from apistatus.postgres.dead_letters import BoxSession
    from apistatus.settings.schema import PostgresSettings

T = TypeVar("T")

_AT_ONCE: Final = 100
_BUSY_S: Final = 30.0
_BUSY_PAUSE_S: Final = 0.2


@dataclass(slots=True)
class Replayed:
    """What became of the dead letters that were meant."""

    meant: int = 0
    replayed: int = 0
    too_often: int = 0
    """Left alone: they were replayed three times already."""
    other_topics: int = 0
    """Left alone: they belong to another topic than KAFKA_STATUS_TOPIC."""
    busy: int = 0
    """Left alone: another command or consumer works on them."""


def find(
    environ: Environ, flags: Flags, choice: Choice, limit: int, within_s: float
) -> tuple[list[Letter], int]:
    """The newest that are meant, and how many are meant in all.

    Raises ConfigurationError, PostgresUnavailable, AccessRefused, IncompatibleSchema, as all here.
    """
    chosen = selection(choice, datetime.now(UTC))
    settings = settings_for(environ, flags, "postgres").settings

    def work(session: BoxSession) -> tuple[list[Letter], int]:
        return session.find(chosen, limit, newest_first=True), session.count(chosen)

    return _in_session(settings.app, work, within_s)


def discard(
    environ: Environ, flags: Flags, choice: Choice, *, limit: int | None, dry_run: bool, within_s: float
) -> int:
    """Give up those that are meant, or only count them; how many."""
    chosen = selection(choice, datetime.now(UTC), must_choose=True)
    settings = settings_for(environ, flags, "postgres").settings

    def work(session: BoxSession) -> int:
        if dry_run:
            return min(session.count(chosen), limit or session.count(chosen))
        return session.discard(chosen, limit)

    return _in_session(settings.app, work, within_s)


def replay(
    environ: Environ, flags: Flags, choice: Choice, *, limit: int | None, dry_run: bool, again: bool,
    within_s: float,
) -> Replayed:  # fmt: skip
    """Send those that are meant to their own topic once more, or only tell what would be done.

    Those that were replayed before are left out, except `again`. Also raises KafkaUnavailable.
    """
    from apistatus.kafka.forwarder import LetterSender

    chosen = selection(choice, datetime.now(UTC), must_choose=True)
    chosen = replace(chosen, states=("open", "replayed") if again or choice.ids else ("open",))
    settings = settings_for(environ, flags, "postgres", "kafka").settings
    sender = LetterSender(settings.kafka)
    done = Replayed()

    def work(session: BoxSession) -> Replayed:
        here = replace(chosen, topic=settings.kafka.topic)
        done.other_topics = 0 if chosen.topic else session.count(chosen) - session.count(here)
        ids = session.ids(here, limit)
        done.meant = len(ids)
        for at in range(0, len(ids), _AT_ONCE):
            _replay_some(
                session, replace(here, ids=tuple(ids[at : at + _AT_ONCE])), sender, done, dry_run=dry_run
            )
        return done

    try:
        return _in_session(settings.app, work, within_s)
    except KafkaUnavailable as error:
        raise KafkaUnavailable(f"{error}; {done.replayed} of {done.meant} were replayed before") from error


def _replay_some(
    session: BoxSession, chosen: Selection, sender: LetterSender, done: Replayed, *, dry_run: bool
) -> None:
    from apistatus.ports import Outgoing

    left = set(chosen.ids)
    until_mono_s = time.monotonic() + _BUSY_S
    while left:
        with session.locked(replace(chosen, ids=tuple(sorted(left))), _AT_ONCE) as letters:
            left.difference_update(letter.id for letter in letters)
            able = [letter for letter in letters if letter.attempts < MAX_REPLAYS]
            done.too_often += len(letters) - len(able)
            if able and not dry_run:
                answers = sender.send([Outgoing(one.key, one.value, one.replay_headers()) for one in able])
                _refuse_too_large(able, answers)
                session.mark_replayed([letter.id for letter in able])
            done.replayed += len(able)
        if not letters:
            # They are being forwarded, or another command has changed them.
            if time.monotonic() > until_mono_s:
                done.busy += len(left)
                return
            time.sleep(_BUSY_PAUSE_S)


def _refuse_too_large(letters: Sequence[Letter], answers: Sequence[str | None]) -> None:
    for letter, answer in zip(letters, answers, strict=True):
        if answer is not None:
            raise KafkaUnavailable(f"topic '{letter.topic}' does not take dead letter {letter.id}: {answer}")


def _in_session(settings: PostgresSettings, work: Callable[[BoxSession], T], within_s: float) -> T:
    """The answer of one piece of work. Only reaching PostgreSQL is tried again: what is done is done once."""
    from apistatus.postgres.dead_letters import DeadLetterBox
    from apistatus.runtime.logs import Events
    from apistatus.runtime.retrying import until_it_answers
    from apistatus.runtime.stopping import Stop

    with ExitStack() as stack:
        session = until_it_answers(
            lambda: stack.enter_context(DeadLetterBox(settings).session()),
            what="postgres", log=Events("dead_letters"), stop=Stop(), timeout_s=within_s,
        )  # fmt: skip
        return work(session)
