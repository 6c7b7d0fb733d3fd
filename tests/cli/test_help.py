"""What `--help` says of settings, held against the one table of them."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from apistatus.cli import cli
from apistatus.settings.variables import VARIABLES

OF_A_SERVICE_ONLY = {
    "APISTATUS_STATE_DIR", "APISTATUS_SPOOL", "APISTATUS_SPOOL_MAX_BYTES", "APISTATUS_SPOOL_MAX_AGE",
    "APISTATUS_MISSED_BACKFILL", "APISTATUS_PROCESSES",
}  # fmt: skip
"""Of the variables about probing, those without a meaning for a single run."""


@pytest.mark.parametrize(
    ("command", "groups", "without"),
    [
        ("produce", {"log", "kafka", "readers", "probe", "service"}, set()),
        ("consume", {"log", "kafka", "postgres", "service", "consume"}, set()),
        ("check-once", {"log", "readers", "probe"}, OF_A_SERVICE_ONLY),
    ],
)
def test_help_names_every_variable_that_a_command_reads(
    command: str, groups: set[str], without: set[str]
) -> None:
    said = CliRunner().invoke(cli, [command, "--help"], terminal_width=200).output
    wanted = {
        variable.name
        for variable in VARIABLES
        if variable.needs & groups and variable.name.startswith(("API", "READER", "LOG"))
    } - without
    assert {name for name in wanted if name not in said.replace("\n", " ")} == set()
    assert len(wanted) > 5
