"""The tables of the README that follow from the program."""

from __future__ import annotations

from apistatus.runtime.metrics import Metrics
from apistatus.settings.load import documentation

SETTINGS_HEADER = "| variable | default | meaning |"
METRICS_HEADER = "| metric | labels | meaning |"


def settings_table() -> str:
    """Every setting, in the table's order."""
    rows = [
        (f"`{row.name}`", "none" if row.default is None else f"`{row.default}`", row.meaning)
        for row in documentation()
    ]
    return _table(SETTINGS_HEADER, rows)


def metrics_table() -> str:
    """Every metric, by the name under which Prometheus finds it."""
    metrics = Metrics()
    rows = []
    for collector in vars(metrics).values():
        if collector is metrics.registry:
            continue
        [family] = collector.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append((f"`{name}`", ", ".join(collector._labelnames), family.documentation))
    return _table(METRICS_HEADER, rows)


def _table(header: str, rows: list[tuple[str, ...]]) -> str:
    columns = header.count("|") - 1
    lines = [header, "|" + "---|" * columns]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
