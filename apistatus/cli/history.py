"""`apistatus history`."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from apistatus.cli import options, stdout


@click.command(
    "history",
    epilog="Reads PGHOST, PGPORT, PGSSLMODE, PGAPPUSER, PGAPPPW, APPDB and libpq's other variables.",
)
@click.argument("check")
@click.option("--location", metavar="LOCATION", envvar="APISTATUS_HISTORY_LOCATION", show_envvar=True,
              help="Only where this prober stands.")  # fmt: skip
@click.option("--from", "from_text", default="-90d", show_default=True, metavar="INSTANT",
              envvar="APISTATUS_HISTORY_FROM", show_envvar=True,
              help="How far back: ISO 8601 (UTC unless it names a zone), or -90d for so long ago.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="COUNT",
              envvar="APISTATUS_HISTORY_LIMIT", show_envvar=True, help="So many changes at the most.")  # fmt: skip
@click.option("--follow", is_flag=True, envvar="APISTATUS_HISTORY_FOLLOW", show_envvar=True,
              help="Go on with what comes, until Ctrl+C.")  # fmt: skip
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
              envvar="APISTATUS_HISTORY_OUTPUT", show_envvar=True,
              help="Form of the answer; what is followed comes as a line for each change.")  # fmt: skip
@options.connect_timeout()
@options.settings_flags("LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def command(output: str, connect_timeout_s: float, *, follow: bool, **given: Any) -> int:
    """What happened to CHECK (its id or name), newest first: changes, their cause, how long each held."""
    from apistatus.report import history as pages
    from apistatus.wiring import history

    asked = history.Asked(**{name: given[name] for name in history.Asked.__slots__})
    flags = options.flags(given)
    found = history.run(os.environ, flags, asked, connect_timeout_s)
    if output == "text":
        stdout.write("\n\n".join(map(pages.page, found)) + "\n", encoding=None)
    elif not follow:
        documents = [pages.document(each) for each in found]
        stdout.write(json.dumps({"histories": documents}, indent=2, ensure_ascii=False) + "\n")
    if follow:
        for news in history.follow(os.environ, flags, asked, connect_timeout_s):
            for standing, entry in news:
                if output == "json":
                    facts = pages.entry_document(entry, standing.now_us)
                    line = json.dumps({"check": standing.check, "location": standing.location, **facts})
                else:
                    line = pages.news(standing, entry)
                stdout.write(f"{line}\n", encoding=None if output == "text" else "utf-8")
    return 0
