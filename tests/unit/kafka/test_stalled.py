"""Which partitions are taken for stalled: those that have long stood still before their end."""

from __future__ import annotations

from collections.abc import Collection

from apistatus.kafka.stalled import LOOK_S, PATIENCE_S, Stalled


class Ends:
    """The end of partition 0, by the brokers."""

    def __init__(self) -> None:
        self.brokers, self.asked, self.now_s = 10, 0, 0.0

    def ends(self, partitions: Collection[int]) -> dict[int, int]:
        assert list(partitions) == [0]
        self.asked += 1
        return {0: self.brokers}


class Watched:
    """A partition that is looked at whenever it is time."""

    def __init__(self) -> None:
        self.ends, self.position = Ends(), 10
        self.stalled = Stalled(self.ends, lambda: self.ends.now_s)

    def look(self, times: int = 1) -> int:
        """Look so often; how often it was to be fetched anew."""
        found = 0
        for _ in range(times):
            assert not self.stalled.is_due
            self.ends.now_s += LOOK_S
            assert self.stalled.is_due
            found += len(self.stalled.find({0: self.position}))
        return found


def test_a_partition_of_which_nothing_comes_although_there_is_more() -> None:
    watched = Watched()
    assert watched.look(3) == 0
    watched.ends.brokers = 20
    looks_until_then = 1 + round(PATIENCE_S / LOOK_S)
    assert watched.look(looks_until_then - 1) == 0
    assert watched.look() == 1
    # It has longer the next time.
    assert watched.look(2 * round(PATIENCE_S / LOOK_S) - 1) == 0
    assert watched.look() == 1


def test_a_partition_that_was_never_fetched() -> None:
    watched = Watched()
    watched.position = 0
    assert watched.look(2 + round(PATIENCE_S / LOOK_S)) == 1


def test_a_partition_that_moves_is_none() -> None:
    watched = Watched()
    for number in range(20):
        watched.ends.brokers = 1_000 + number
        watched.position += 1
        assert watched.look() == 0
    assert watched.ends.asked == 0


def test_what_never_comes_is_asked_for_ever_more_rarely() -> None:
    """It may be control records of transactions, which no client delivers."""
    watched = Watched()
    watched.ends.brokers = 11
    an_hour = round(3_600 / LOOK_S)
    assert watched.look(an_hour) == 7


def test_an_idle_partition_is_none() -> None:
    assert Watched().look(20) == 0


def test_a_partition_that_is_begun_anew_has_all_its_time_again() -> None:
    watched = Watched()
    watched.ends.brokers = 20
    looks = round(PATIENCE_S / LOOK_S)
    assert watched.look(1 + looks) == 0
    watched.stalled.forget(0)
    assert watched.look(looks) == 0
    assert watched.look() == 1


def test_a_partition_that_no_broker_answers_for_is_none() -> None:
    watched = Watched()
    watched.ends.ends = lambda partitions: {}  # no leader just now
    assert watched.look(20) == 0


def test_a_partition_that_was_given_back_is_forgotten() -> None:
    watched = Watched()
    watched.ends.brokers = 20
    watched.look(2)
    watched.ends.now_s += LOOK_S
    assert watched.stalled.find({}) == []
    assert watched.look(1 + round(PATIENCE_S / LOOK_S)) == 0
