"""A plugin's line, by the grammar of the Monitoring Plugins Development Guidelines.

Performance data (their section 2.6): `'label'=value[UOM];[warn];[crit];[min];[max]`, separated by spaces; a label in
quotes when it has spaces, a quote in it doubled, no equals sign; numbers of the class [-0-9.]; the value may be `U`;
warn and crit are ranges; trailing semicolons may be left out; warn, crit, min and max are in the unit of the value.
Units: none, s (us, ms), %, B (KB, MB, TB), c.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_RANGE = rf"@?(?:(?:~|{_NUMBER}):)?(?:{_NUMBER})?"
_DATUM = re.compile(
    rf"(?:'(?P<quoted>(?:[^'=|]|'')+)'|(?P<bare>[^'=|\s]+))="
    rf"(?:U|(?P<value>{_NUMBER})(?P<unit>s|us|ms|%|B|KB|MB|TB|c|))"
    rf"(?:;(?P<warn>{_RANGE})?)?(?:;(?P<crit>{_RANGE})?)?(?:;(?P<min>{_NUMBER})?)?(?:;(?P<max>{_NUMBER})?)?"
)
STATES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}


class Datum(NamedTuple):
    value: str | None
    unit: str | None
    warn: str | None
    crit: str | None
    least: str | None
    most: str | None


class Line(NamedTuple):
    state: str
    text: str
    """All before the performance data."""
    data: dict[str, Datum]


def read(output: str) -> Line:
    """The line, taken apart. Fails where it is not of the form."""
    assert output.endswith("\n")
    assert output.count("\n") == 1
    assert output.count("|") <= 1
    assert output[:-1].isprintable()
    text, _, data = output.rstrip("\n").partition("|")
    name, state, _ = text.split(" ", 2)
    assert name == "APISTATUS"
    assert state in STATES
    found: dict[str, Datum] = {}
    for label, datum in _data(data.strip(" ")):
        assert label not in found
        found[label] = datum
    return Line(state, text.rstrip(), found)


def _data(text: str) -> list[tuple[str, Datum]]:
    found = []
    while text:
        match = _DATUM.match(text)
        assert match, text
        label = match["bare"] or match["quoted"].replace("''", "'")
        limits = [limit or None for limit in match.group("warn", "crit", "min", "max")]
        found.append((label, Datum(match["value"], match["unit"], *limits)))
        text = text[match.end() :]
        assert not text or text.startswith(" "), text
        text = text.lstrip(" ")
    return found
