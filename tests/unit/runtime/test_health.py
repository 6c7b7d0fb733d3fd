"""What /live and /ready say."""

from __future__ import annotations

from apistatus.runtime.health import Health


def test_is_ready_when_every_part_is() -> None:
    health = Health({"kafka": lambda: None, "checks": lambda: None}, lambda: None)
    assert health.not_ready() == {}
    assert health.not_live() is None
    assert health.parts == ("kafka", "checks")


def test_names_each_part_that_is_not_ready_and_why() -> None:
    health = Health({"kafka": lambda: "no broker", "checks": lambda: None}, lambda: "stuck")
    assert health.not_ready() == {"kafka": "no broker"}
    assert health.not_live() == "stuck"


def test_asks_anew_each_time() -> None:
    answers = iter(["not yet", None])
    health = Health({"kafka": lambda: next(answers)}, lambda: None)
    assert health.not_ready() == {"kafka": "not yet"}
    assert health.not_ready() == {}


def test_a_part_that_cannot_answer_is_not_well() -> None:
    def broken() -> str | None:
        raise KeyError("password")

    health = Health({"kafka": broken}, broken)
    assert health.not_ready() == {"kafka": "internal error: KeyError"}
    assert health.not_live() == "internal error: KeyError"
