"""The watermark while what an earlier run missed begins to be made up for."""

from __future__ import annotations

from collections.abc import Callable

from apistatus.produce.backfill import InForce, Past
from apistatus.produce.course import Course
from apistatus.produce.outbox import Outbox, Sender
from apistatus.produce.progress import Progress
from apistatus.produce.schedule import Schedule, Timeline
from apistatus.runtime.metrics import Metrics
from tests.fakes.clock import NOW_US
from tests.fakes.messages import check
from tests.fakes.publisher import MemoryPublisher

S = 1_000_000


class Interrupted(Progress):
    """Another thread has its turn right after the watermark was read."""

    def __init__(self, now_us: int) -> None:
        super().__init__(now_us)
        self.meanwhile: list[Callable[[], None]] = []

    @property
    def watermark_us(self) -> int:
        value_us = super().watermark_us
        while self.meanwhile:
            self.meanwhile.pop()()
        return value_us


def resuming(past: Past) -> tuple[Course, Interrupted]:
    progress = Interrupted(NOW_US)
    outbox = Outbox(MemoryPublisher(), Metrics(), Sender("local", "p", cloudevents=False), progress)
    schedule = Schedule(progress.opened)
    course = Course(
        schedule, Timeline(NOW_US, 0), outbox, progress, past=past, backfill_us=3_600 * S
    )  # fmt: skip
    return course, progress


def test_a_watermark_read_while_the_making_up_begins_does_not_pass_what_is_still_to_be_told() -> None:
    home = check("home", 1.0)
    stopped_us = NOW_US - 60 * S
    past = Past(stopped_us, {home.id: (InForce(home.interval_us, stopped_us - S),)})
    course, progress = resuming(past)
    progress.meanwhile.append(lambda: course.put_in_force([home], NOW_US))
    assert course.watermark_us() <= stopped_us
    assert not progress.meanwhile
    assert stopped_us <= course.watermark_us() < stopped_us + 2 * S
