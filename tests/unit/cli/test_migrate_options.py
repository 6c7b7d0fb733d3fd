"""What `migrate` makes of its options, the work itself put aside."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from click.testing import CliRunner

from apistatus.cli import cli
from apistatus.wiring import migrate


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modes that the command asked for."""
    modes: list[str] = []

    def run(_environ: object, _flags: object, mode: str, _within_s: float) -> tuple[Sequence[str], int]:
        modes.append(mode)
        return ["done"], 0

    monkeypatch.setattr(migrate, "run", run)
    return modes


@pytest.mark.parametrize(
    ("arguments", "env", "mode"),
    [
        ((), {}, "apply"),
        (("--status",), {}, "status"),
        (("--dry-run",), {}, "dry-run"),
        (("--verify",), {}, "verify"),
        ((), {"APISTATUS_MIGRATE_STATUS": "1"}, "status"),
        ((), {"APISTATUS_MIGRATE_DRY_RUN": "true"}, "dry-run"),
        ((), {"APISTATUS_MIGRATE_VERIFY": "yes"}, "verify"),
        ((), {"APISTATUS_MIGRATE_VERIFY": "0"}, "apply"),
    ],
)
def test_the_mode_comes_from_the_option_or_its_variable(
    asked: list[str], arguments: tuple[str, ...], env: dict[str, str], mode: str
) -> None:
    answer = CliRunner().invoke(cli, ["migrate", *arguments], env=env, standalone_mode=False)
    assert (answer.output, answer.return_value) == ("done\n", 0)
    assert asked == [mode]


def test_two_modes_at_once_are_a_mistake_and_nothing_is_done(asked: list[str]) -> None:
    answer = CliRunner().invoke(cli, ["migrate", "--status", "--verify"])
    assert answer.exit_code == 2
    assert "--status and --verify exclude each other" in answer.output
    assert asked == []
