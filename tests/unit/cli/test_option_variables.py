"""Every option has an environment variable, and none of these is taken for a misspelt setting."""

from __future__ import annotations

from collections.abc import Iterator

import click

from apistatus.cli import cli
from apistatus.settings.sources import unknown_names

_WITHOUT = {"help", "version"}


def options_of(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Option]]:
    if isinstance(command, click.Group):
        for name, member in command.commands.items():
            yield from options_of(member, f"{path} {name}".strip())
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name not in _WITHOUT:
            yield path, parameter


def test_the_variable_of_an_option_is_no_unknown_setting() -> None:
    names = {
        name
        for _, option in options_of(cli)
        for name in ([option.envvar] if isinstance(option.envvar, str) else option.envvar or ())
    }
    assert {"APISTATUS_BENCH_DRAIN_ROWS", "APISTATUS_REPORT_MONTH", "APISTATUS_CONNECT_TIMEOUT"} <= names
    assert unknown_names(dict.fromkeys(names, "x")) == []


def test_every_option_of_bench_has_a_variable() -> None:
    without = [
        (path, option.name)
        for path, option in options_of(cli)
        if path.startswith("bench") and not option.envvar
    ]
    assert without == []
