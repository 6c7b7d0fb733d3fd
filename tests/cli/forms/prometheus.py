"""Prometheus' text format 0.0.4, strictly, with the rules of `promtool check metrics`.

Form: prometheus.io, "Exposition formats": HELP and TYPE at most once a metric and before its samples, all lines of a
metric together, no sample twice, the last line ends with a line feed. Rules of promtool: client_golang's package
promlint (help text, no type, colon or camel case in a name, base units, no abbreviations, suffixes and labels that
belong to histograms, counters and summaries).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:\\[\\n"]|[^"\\\n])*"'
_HELP = re.compile(rf"# HELP ({_NAME}) ((?:\\[\\n]|[^\\\n])+)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram|summary|untyped)")
_SAMPLE = re.compile(
    rf"({_NAME})(\{{{_LABEL}(?:,{_LABEL})*\}})? ([-+]?(?:[0-9][0-9.e+-]*|Inf)|NaN)( -?[0-9]+)?"
)

_BASE_UNITS = frozenset(
    ("amperes", "bytes", "celsius", "grams", "joules", "kelvin", "meters", "metres", "seconds", "volts")
)
_OTHER_UNITS = frozenset(
    ("minutes", "hours", "days", "weeks", "kelvins", "fahrenheit", "rankine", "inches", "yards", "miles", "bits",
     "calories", "pounds", "ounces")
)  # fmt: skip
_PREFIXES = (
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi", "giga", "gibi",
    "tera", "tebi", "peta", "pebi",
)  # fmt: skip
_ABBREVIATED = frozenset(("s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"))
_TYPES = frozenset(("counter", "gauge", "summary", "histogram"))
_SUFFIXES = ("_total", "_bucket", "_count", "_sum", "_info")


class Sample(NamedTuple):
    name: str
    labels: dict[str, str]
    value: float


def read(text: str) -> list[Sample]:
    """All samples, in order. Fails where the text is not of the form or promtool would complain."""
    assert not text or text.endswith("\n")
    assert "\r" not in text
    _require_form(text)
    samples = []
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge", family.name  # one call counts nothing up
        _require_good_name(family.name)
        assert family.documentation.strip()
        for sample in family.samples:
            assert sample.name == family.name
            assert sample.timestamp is None
            assert not {"le", "quantile"} & sample.labels.keys()
            assert not any(re.search("[a-z][A-Z]", label) for label in sample.labels)
            samples.append(Sample(sample.name, dict(sample.labels), sample.value))
    keys = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in samples]
    assert len(set(keys)) == len(keys)
    return samples


def _require_form(text: str) -> None:
    done: set[str] = set()
    current, kinds = "", []
    for line in text.split("\n")[:-1]:
        match = _HELP.fullmatch(line) or _TYPE.fullmatch(line) or _SAMPLE.fullmatch(line)
        assert match, line
        kind = line[2:6] if line.startswith("# ") else "sample"
        if match[1] != current:
            assert match[1] not in done, f"{match[1]} in two places"
            assert kind == "HELP", line
            done.add(match[1])
            current, kinds = match[1], []
        kinds.append(kind)
        assert kinds[:2] == ["HELP", "TYPE"][: len(kinds)], line
        assert not {"HELP", "TYPE"} & set(kinds[2:]), line
        assert match.lastindex is None or kind != "sample" or match[4] is None, "a timestamp"


def _require_good_name(name: str) -> None:
    assert ":" not in name
    assert not re.search("[a-z][A-Z]", name)
    assert not name.endswith(_SUFFIXES), name
    words = name.split("_")
    assert not _TYPES & set(words), name
    assert not _ABBREVIATED & set(words), name
    for word in words:
        bare = next((word.removeprefix(prefix) for prefix in _PREFIXES if word.startswith(prefix)), word)
        assert word in _BASE_UNITS or bare not in _BASE_UNITS | _OTHER_UNITS, name
