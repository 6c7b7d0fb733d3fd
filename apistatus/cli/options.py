"""Options that several commands share. A setting's option only carries its value to the one loader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FLAGS = {
    "LOG_LEVEL": ("--log-level", "DEBUG|INFO|WARNING|ERROR|CRITICAL", "How much is said on standard error."),
    "APISTATUS_LOG_FORMAT": ("--log-format", "text|json", "Form of what is said on standard error."),
    "READER_CONF_FILE": ("--readers", "PATH", "Reader file or directory: the checks."),
    "APISTATUS_CONSUME_ON_RECREATED_TOPIC": (
        "--on-recreated-topic",
        "fail|restart",
        "When the topic is another one than the stored offsets belong to: end, or read it from its beginning.",
    ),
    "APISTATUS_CONSUME_ON_LOST_OFFSETS": (
        "--on-lost-offsets",
        "fail|earliest",
        "When Kafka deleted messages before they were stored: end, or record them as lost and go on behind them.",
    ),
    "APISTATUS_LISTEN": (
        "--listen",
        "HOST:PORT",
        "Serve /live, /ready and /metrics there; off when not given.",
    ),
}


def settings_flags(*variables: str) -> Callable[[F], F]:
    """Add the option of each of these settings; `flags` collects them again in the command."""

    def add(function: F) -> F:
        for variable in reversed(variables):
            option, metavar, sentence = FLAGS[variable]
            function = click.option(
                option, f"setting_{variable}", metavar=metavar, help=f"{sentence}  [env var: {variable}]"
            )(function)
        return function

    return add


def flags(given: Mapping[str, Any]) -> dict[str, str]:
    """Variable -> value of every settings option that was given on the command line."""
    return {
        name.removeprefix("setting_"): str(value)
        for name, value in given.items()
        if name.startswith("setting_") and value is not None
    }


def connect_timeout(default_s: float = 30.0) -> Callable[[F], F]:
    """Add `--connect-timeout SECONDS`: how long a command that ends by itself waits for a service."""
    return click.option(
        "--connect-timeout",
        "connect_timeout_s",
        type=click.FloatRange(min=0.1),
        default=default_s,
        metavar="SECONDS",
        envvar="APISTATUS_CONNECT_TIMEOUT",
        show_envvar=True,
        show_default=True,
        help="How long to wait for a service before giving up with exit code 75.",
    )
