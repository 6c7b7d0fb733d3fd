"""`apistatus report`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from apistatus.cli import options, stdout

if TYPE_CHECKING:
    from apistatus.report.model import Report

_FORMS: Final = ("text", "json", "csv", "markdown", "html")


def _labels(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise click.BadParameter(f"{text!r} is no label; write KEY=VALUE")
    return dict(text.split("=", 1) for text in texts)


def _percent(_context: click.Context, _parameter: click.Parameter, objective: float | None) -> float | None:
    # FloatRange lets nan through, which no comparison finds out of range.
    if objective is not None and math.isnan(objective):
        raise click.BadParameter("write a percentage like 99.9")
    return objective


@click.command(
    "report",
    epilog="Reads PGHOST, PGPORT, PGSSLMODE, PGAPPUSER, PGAPPPW, APPDB and libpq's other variables.",
)
@click.option("--from", "from_text", metavar="INSTANT", envvar="APISTATUS_REPORT_FROM", show_envvar=True,
              help="Beginning: ISO 8601 (UTC unless it names a zone), or -7d for so long ago.  "
              "[default: -30d]")  # fmt: skip
@click.option("--to", "to_text", metavar="INSTANT", envvar="APISTATUS_REPORT_TO", show_envvar=True,
              help="End.  [default: now]")  # fmt: skip
@click.option("--month", metavar="YYYY-MM", envvar="APISTATUS_REPORT_MONTH", show_envvar=True,
              help="A calendar month (UTC), in place of beginning and end.")  # fmt: skip
@click.option("--check", "checks", multiple=True, metavar="CHECK", envvar="APISTATUS_REPORT_CHECK",
              show_envvar=True, help="Only this check, by id or name; may be given more than once.")  # fmt: skip
@click.option("--group", "groups", multiple=True, metavar="GROUP", envvar="APISTATUS_REPORT_GROUP",
              show_envvar=True, help="Only checks of this group; may be given more than once.")  # fmt: skip
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", callback=_labels,
              envvar="APISTATUS_REPORT_LABEL", show_envvar=True,
              help="Only checks with this label; may be given more than once.")  # fmt: skip
@click.option("--objective", type=click.FloatRange(0, 100, min_open=True), metavar="PERCENT",
              envvar="APISTATUS_REPORT_OBJECTIVE", show_envvar=True, callback=_percent,
              help="The uptime that is wanted, 99.9 for one: shows what is left of the error budget.")  # fmt: skip
@click.option("--output", type=click.Choice(_FORMS), default="text", show_default=True,
              envvar="APISTATUS_REPORT_OUTPUT", show_envvar=True, help="Form of the report.")  # fmt: skip
@options.connect_timeout()
@options.settings_flags("LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def command(output: str, connect_timeout_s: float, **given: Any) -> int:
    """Availability, SLA, incidents and times of checks: of the last 30 days, a month, or any time. Only reads.

    Uptime is what worked among all verdicts; ticks without a verdict are neither up nor down.
    """
    from apistatus.wiring import report

    asked = report.Asked(**{name: given[name] for name in report.Asked.__slots__})
    made = report.run(os.environ, options.flags(given), asked, connect_timeout_s)
    text = _renderer(output)(made)
    stdout.write(text if text.endswith("\n") else f"{text}\n", encoding=None if output == "text" else "utf-8")
    return 0


def _renderer(form: str) -> Callable[[Report], str]:
    from apistatus.report import document, html, markdown, text

    def as_json(made: Report) -> str:
        return json.dumps(document.document(made), indent=2, ensure_ascii=False)

    return {
        "text": text.page, "json": as_json, "csv": document.table, "markdown": markdown.page, "html": html.page,
    }[form]  # fmt: skip
