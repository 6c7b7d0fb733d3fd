"""The report as one HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from apistatus import __version__
from apistatus.report import svg, words
from apistatus.report.columns import about, columns, named, newest_incidents
from apistatus.report.model import Line, Report, Scope

_INCIDENTS_SHOWN: Final = 500
_LEGEND: Final = (
    ("u0", "100 %"), ("u1", "99.9 % and more"), ("u2", "99 %"), ("u3", "95 %"), ("u4", "less"),
    ("warn", "degraded"), ("gap", "nothing known"), ("none", "not checked"),
)  # fmt: skip


def page(report: Report) -> str:
    """The file's text."""
    body = [
        f"<h1>{words.markup(report.scope.title)}</h1>",
        f'<p class="soft">{words.markup(about(report))}</p>',
    ]
    if report.lines:
        body += [_tiles(report), _overview(report)]
        body += ["<h2>Checks</h2>", _rows(report, report.lines)]
        for title, lines in (("Groups", report.groups), ("Labels", report.labels)):
            if lines:
                body += [f"<h2>{title}</h2>", _rows(report, lines)]
        body += ["<h2>Incidents</h2>", _incidents(report), _figures(report)]
    else:
        body.append("<p>Nothing is stored of this time.</p>")
    body.append(_foot(report))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{words.markup(report.scope.title)}</title><style>\n{_style()}</style></head>\n"
        f"<body><main>\n{''.join(f'{block}{chr(10)}' for block in body)}</main></body></html>\n"
    )


@cache
def _style() -> str:
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def _tiles(report: Report) -> str:
    total, scope = report.total, report.scope
    p50, p95 = total.counts.percentiles_ms((0.5, 0.95))
    tiles = [
        ("", words.percent(total.uptime_by_time), f"uptime; {words.percent(total.counts.uptime)} by ticks"),
        ("", words.length(total.bad_us), "down, all checks together"),
        ("", f"{len(total.incidents):,}", f"incidents; MTTR {words.length(total.mttr_us(scope))}"),
        ("", words.milliseconds(p95), f"p95; median {words.milliseconds(p50)}"),
        ("", words.percent(_known(total), 2), "of the expected ticks have a verdict"),
    ]
    if total.counts.sla_judged:
        tiles.insert(1, ("", words.percent(total.counts.sla, 2), "within their SLA"))
    budget = total.budget(scope)
    if budget is not None:
        kind = " bad" if budget.left_us < 0 else " good"
        told = f"of the error budget for {budget.objective:g} % left: {words.length(budget.left_us)}"
        tiles.insert(1, (kind, _left_share(total, scope), told))
    cells = (
        f'<div class="tile{kind}"><b>{words.markup(figure)}</b><span>{words.markup(told)}</span></div>'
        for kind, figure, told in tiles
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def _left_share(line: Line, scope: Scope) -> str:
    budget = line.budget(scope)
    share = None if budget is None else budget.left_share
    return words.NOTHING if share is None else f"{share * 100:.0f} %"


def _known(line: Line) -> float | None:
    return min(1.0, line.counts.made / line.expected) if line.expected else None


def _overview(report: Report) -> str:
    total, scope = report.total, report.scope
    drawn, top_ms = svg.band(total, scope, 96)
    told = words.day if scope.step == "day" else words.minute
    parts = svg.parts_of(scope)
    scale = f"<span>{told(parts[0])}</span><span>{told(parts[len(parts) // 2])}</span><span>{told(parts[-1])}</span>"
    legend = "".join(
        f'<span><i style="background:var(--{kind})"></i>{words.markup(said)}</span>' for kind, said in _LEGEND
    )
    times = f"Median, and the band up to p95 (at most {words.milliseconds(top_ms)})"
    return (
        f'<div class="card wide">{svg.strip(total, scope, 40)}<div class="scale">{scale}</div>'
        f'{drawn}<p class="soft">{words.markup(times)}, by {scope.step} (UTC)</p>'
        f'<div class="legend">{legend}</div></div>'
    )


def _rows(report: Report, lines: Sequence[Line]) -> str:
    return f'<div class="card">{"".join(_row(report, line) for line in lines)}</div>'


def _row(report: Report, line: Line) -> str:
    scope = report.scope
    drawn, _ = svg.band(line, scope)
    (p95,) = line.counts.percentiles_ms((0.95,))
    of_several = [words.counted(line.checks, "check", "checks")]
    under = [line.location or "", line.group or ""] if line.check else of_several
    if line.incidents:
        under.append(words.counted(len(line.incidents), "incident", "incidents"))
    left = ""
    if scope.objective is not None:
        left = f"<span>budget left {words.markup(_left_share(line, scope))}</span><br>"
    return (
        f'<div class="row"><div class="name"><b>{words.markup(line.name)}</b>'
        f"<span>{words.markup(' · '.join(filter(None, under)))}</span></div>"
        f"{svg.strip(line, scope)}{drawn}"
        f'<div class="figure"><b>{words.markup(words.percent(line.uptime_by_time))}</b>{left}'
        f"<span>p95 {words.markup(words.milliseconds(p95))}</span></div></div>"
    )


def _incidents(report: Report) -> str:
    found = newest_incidents(report)
    if not found:
        return "<p>None: nothing was down.</p>"
    rows = []
    for line, incident in found[:_INCIDENTS_SHOWN]:
        until = (
            '<span class="still">still down</span>'
            if incident.until_us is None
            else words.instant(incident.until_us)
        )
        why = words.cause(incident.failure, incident.status_code, incident.error)
        rows.append(
            f"<tr><td>{words.instant(incident.from_us)}</td><td>{until}</td>"
            f'<td class="figure">{words.length(incident.duration_us(report.scope.to_us))}</td>'
            f'<td>{words.markup(named(report, line))}</td><td class="cause">{words.markup(why)}</td></tr>'
        )
    more = len(found) - len(rows)
    rest = f'<p class="soft">and {more:,} older ones; the JSON report has all.</p>' if more else ""
    head = '<tr><th>from (UTC)</th><th>until</th><th class="figure">for</th><th>check</th><th>first cause</th></tr>'
    return f'<div class="card scroll"><table>{head}{"".join(rows)}</table></div>{rest}'


def _figures(report: Report) -> str:
    shown = columns(report, report.lines)
    kinds = [' class="figure"' if column.figure else "" for column in shown]
    head = "".join(
        f"<th{kind}>{words.markup(column.head)}</th>" for column, kind in zip(shown, kinds, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{words.markup(column.cell(line))}</td>"
            for column, kind in zip(shown, kinds, strict=True)
        )
        + "</tr>"
        for line in report.lines
    )
    return (
        f"<details><summary>All figures</summary>"
        f'<div class="card scroll"><table><tr>{head}</tr>{rows}</table></div></details>'
    )


def _foot(report: Report) -> str:
    made = words.minute(report.scope.now_us)
    return (
        f"<footer>Made {made} UTC by apistatus {__version__}. Uptime is the time that verdicts stand for: up and "
        "degraded among up, degraded and down. Ticks that were missed, inconclusive or are without a result "
        "are neither: a gap is never counted as up.</footer>"
    )
