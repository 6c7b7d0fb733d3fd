"""The results that `bench storage` stores."""

from __future__ import annotations

from apistatus.bench import storage_sample
from apistatus.model import wire
from apistatus.model.result import Result


def test_they_are_the_same_again_for_the_same_first_tick() -> None:
    first, second = (
        list(storage_sample.results(4_500, first_tick_us=1_800_000_000_000_000)) for _ in range(2)
    )
    assert first == second
    identities = {(each.check, each.scheduled_at_us) for each in first}
    assert len(identities) == 4_500
    assert len({each.check for each in first}) == storage_sample.CHECKS
    assert [each.scheduled_at_us for each in first] == sorted(each.scheduled_at_us for each in first)


def test_they_are_what_produce_may_send_and_of_the_mix_that_is_said() -> None:
    results = list(storage_sample.results(6_000))
    assert all(isinstance(wire.decode(wire.encode(each)), Result) for each in results)
    assert sum(each.status == "down" for each in results) == 60
    assert sum(each.reused for each in results) == 3_000
    assert abs(sum(each.value is not None for each in results) - 2_000) < 60
