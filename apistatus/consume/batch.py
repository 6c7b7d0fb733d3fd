"""What goes into one transaction, and when it is full or old enough (pure: no I/O, no clock)."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, methodcaller
from typing import Final

from apistatus.errors import MalformedMessage
from apistatus.model import wire
from apistatus.model.definition import Gap
from apistatus.model.result import Result
from apistatus.ports import Batch, DeadLetter, Message
from apistatus.runtime.logs import Events

log = Events("consume")

_SCHEDULED_AT_US: Final[Callable[[Result], int]] = attrgetter("scheduled_at_us")
DAY_US = 86_400_000_000
REFUSED = "refused_by_postgresql"


@dataclass(frozen=True, slots=True)
class Policy:
    """How large and how old a batch may grow: bounds memory, and how late a row becomes visible."""

    max_messages: int = 10_000
    """Larger ones are not stored faster (measured up to 24,000): they no longer fit the caches."""
    max_age_s: float = 0.05
    """Measured from the batch's first message; 50 ms keep 100 results/s below 20 transactions/s."""
    messages_a_poll: int = 500
    """More at once is slower, likewise. As many as that mean that more waits on the topic: we are behind."""
    max_age_behind_s: float = 0.5
    """In force while we are behind, so that a slow machine makes full batches too."""
    oldest_us: int = 90 * DAY_US
    """Results older than this are dead letters, or a wrong clock would make partitions for ever."""
    newest_us: int = DAY_US


class Collector:
    """Takes messages until there is a batch to store."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._limit = policy.max_messages
        self.is_behind = False
        """Whether the last poll brought as much as it could."""
        self._first_mono_ns: int | None = None
        self._last: Message | None = None
        self.bad: list[int] = []
        """Numbers of the messages, in the order they came, that are dead letters; ascending."""
        self.batch = Batch()
        self.holes: set[int] = set()
        """Partitions of which a later message came than the next one: to be read again from there."""
        self._suspected: dict[int, tuple[int, int]] = {}

    @property
    def size(self) -> int:
        """Messages taken, dead letters and definitions included."""
        batch = self.batch
        return batch.count + len(batch.definitions) + len(batch.gaps) + len(batch.dead_letters)

    @property
    def room(self) -> int:
        """How many more messages fit."""
        return max(0, self._limit - self.size)

    @property
    def wanted(self) -> int:
        """How many messages to ask for."""
        return min(self._policy.messages_a_poll, self.room)

    def take(
        self, messages: Sequence[Message], expected: Mapping[int, int | None], *, wall_us: int, mono_ns: int
    ) -> None:
        """Decode and add; what is no message of ours is added as a dead letter.

        `expected` is, per partition, the offset of the next message (None: any). What lies before it is
        here already. What lies beyond it is not taken, and its partition is in `holes`, until the same
        hole is met a second time: then the messages in between do not exist (compaction, transactions).
        """
        self.is_behind = len(messages) >= self._policy.messages_a_poll
        next_offsets = dict(expected)
        self.holes = set()
        window = range(wall_us - self._policy.oldest_us, wall_us + self._policy.newest_us + 1)
        for run in _runs(messages):
            partition = run[0].partition()
            wanted = next_offsets.get(partition)
            if self._takes_all(run, wanted, window):
                next_offsets[partition] = run[-1].offset() + 1
            elif (after := self._take_each(run, wanted, window)) is not None:
                next_offsets[partition] = after
        positions = self.batch.positions
        positions.update(
            {p: at for p, at in next_offsets.items() if at is not None and at != expected.get(p)}
        )
        if positions and self._first_mono_ns is None:
            self._first_mono_ns = mono_ns

    def _takes_all(self, run: Sequence[Message], wanted: int | None, window: range) -> bool:
        """Take these messages of a partition if they are the next ones, without a hole, and all hold results that
        can be stored, as almost always; nothing is taken otherwise."""
        first = run[0].offset() if wanted is None else wanted
        if [message.offset() for message in run] != list(range(first, first + len(run))):
            return False
        results = wire.decode_results([message.value() for message in run])
        if results is None or not all(map(window.__contains__, set(map(_SCHEDULED_AT_US, results)))):
            return False
        self.batch.results += results
        self.batch.messages += run
        self._last = run[-1]
        return True

    def _take_each(self, run: Sequence[Message], wanted: int | None, window: range) -> int | None:
        """Take these messages of a partition, whatever they are; gives back the offset that is wanted then."""
        batch = self.batch
        for message in run:
            offset = message.offset()
            if wanted != offset and wanted is not None and not self._follows(message, wanted):
                continue
            wanted = offset + 1
            self._last = message
            try:
                decoded = wire.decode(message.value())
            except MalformedMessage as error:
                self._put_aside(message, error.reason, error.message)
                continue
            if isinstance(decoded, Result):
                if decoded.scheduled_at_us in window:
                    batch.results.append(decoded)
                    batch.messages.append(message)
                else:
                    self._put_aside(
                        message, "out_of_window", "scheduled more than 90 days ago or a day ahead"
                    )
            elif not isinstance(decoded, Gap):
                batch.definitions.append(decoded)
            elif decoded.from_us < decoded.until_us:
                batch.gaps.append(decoded)
            else:
                self._put_aside(message, "invalid_field", "a gap ends before it begins")
        return wanted

    def _follows(self, message: Message, wanted: int) -> bool:
        """Whether a message that is not the next one may be taken nonetheless."""
        partition, offset = message.partition(), message.offset()
        if offset < wanted or partition in self.holes:
            return False
        if self._suspected.pop(partition, None) == (wanted, offset):
            log.warning("offsets.missing", partition=partition, from_offset=wanted, until_offset=offset)
            return True
        self._suspected[partition] = (wanted, offset)
        self.holes.add(partition)
        log.warning("offsets.skipped", partition=partition, wanted=wanted, came=offset)
        return False

    def _put_aside(self, message: Message, reason: str, explanation: str) -> None:
        self.bad.append(self.size)
        self.batch.dead_letters.append(dead_letter(message, reason, explanation))

    def reject(self, index: int, reason: str) -> None:
        """Turn result number `index`, which PostgreSQL refuses, into a dead letter."""
        self.batch.recall()
        del self.batch.results[index]
        message = self.batch.messages.pop(index)
        insort(self.bad, index)
        self.batch.dead_letters.append(dead_letter(message, REFUSED, reason))

    def reject_the_only_one(self, reason: str) -> bool:
        """The same for a batch of one message, whatever it is; False when it is a dead letter already."""
        if self._last is None or self.size != 1 or self.bad:
            return False
        batch, self.bad = self.batch, [0]
        batch.results, batch.messages, batch.definitions, batch.gaps, batch.dropped = [], [], [], [], 0
        batch.dead_letters = [dead_letter(self._last, REFUSED, reason)]
        return True

    def halve(self) -> None:
        """Until `grow`, take half as many messages as there are now: one of them cannot be stored."""
        self._limit = max(1, self.size // 2)

    def grow(self) -> None:
        """A batch was stored: the next may be twice as large again."""
        self._limit = min(self._policy.max_messages, self._limit * 2)

    def is_due(self, mono_ns: int) -> bool:
        """Whether the batch is full or old enough to be stored now."""
        policy = self._policy
        max_age_s = policy.max_age_behind_s if self.is_behind else policy.max_age_s
        return self.room == 0 or self._age_s(mono_ns) >= max_age_s

    def due_in_s(self, mono_ns: int) -> float:
        """Seconds until the batch is old enough; the whole age while it is empty."""
        return self._policy.max_age_s - self._age_s(mono_ns)

    def _age_s(self, mono_ns: int) -> float:
        return 0.0 if self._first_mono_ns is None else (mono_ns - self._first_mono_ns) / 1e9

    def clear(self) -> None:
        """Begin a new batch; what was in the old one is stored, or will be read again."""
        self.batch = Batch()
        self.bad = []
        self.is_behind = False
        self._first_mono_ns = self._last = None


def _runs(messages: Sequence[Message]) -> Sequence[Sequence[Message]]:
    """The messages in their order, those of one partition together that follow each other."""
    if len({message.partition() for message in messages}) == 1:
        return (messages,)
    return [list(run) for _, run in groupby(messages, methodcaller("partition"))]


def dead_letter(message: Message, reason: str, explanation: str) -> DeadLetter:
    """The message as it came, with the reason why it cannot be stored."""
    _kind, timestamp_ms = message.timestamp()
    return DeadLetter(
        partition=message.partition(),
        offset=message.offset(),
        reason=reason,
        message=explanation[:1000].replace("\0", "\ufffd"),
        key=message.key(),
        value=message.value(),
        headers=tuple(message.headers() or ()),
        timestamp_ms=timestamp_ms if timestamp_ms >= 0 else None,
    )
