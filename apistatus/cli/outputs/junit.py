"""JUnit XML for the reports of CI services: a check is a test case.

The elements and attributes are those of Jenkins' junit-10.xsd (jenkinsci/xunit-plugin), which Maven
Surefire writes and GitLab and GitHub reporters read: so properties belong to suites, not to cases,
and times are seconds. GitLab shows a case under its classname and takes one of a name there only, so
that is the suite, with its round. Down is a failure, inconclusive an error (ours), missed is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from apistatus import __version__
from apistatus.cli.outputs.texts import milliseconds, phases
from apistatus.cli.outputs.verdict import Answer
from apistatus.model.result import Result

_SUITE: Final = "checks"
"""Name of the suite of all checks that belong to no group."""
# XML 1.0, production 2 (Char): there is no way to write any other character, not even escaped.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(answers: Sequence[Answer]) -> str:
    """One document with a suite for each round and group; with `quiet` it has only the bad cases."""
    root = Element("testsuites", name="apistatus")
    for number, answer in enumerate(answers, 1):
        shown = sorted(answer.shown, key=_group)
        for group, results in groupby(shown, key=_group):
            name = group if len(answers) == 1 else f"{group}, round {number} of {len(answers)}"
            _suite(root, name, answer, list(results))
    for attribute in ("tests", "failures", "errors"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.3f}")
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _group(result: Result) -> str:
    return result.group or _SUITE


def _suite(root: Element, name: str, answer: Answer, results: list[Result]) -> None:
    started_us = min(result.scheduled_at_us for result in results)
    suite = SubElement(
        root, "testsuite", name=_legal(name), tests=str(len(results)),
        timestamp=f"{datetime.fromtimestamp(started_us // 1_000_000, answer.zone):%Y-%m-%dT%H:%M:%S}",
        time=_seconds(sum(result.total_us or 0 for result in results)),
    )  # fmt: skip
    properties = SubElement(suite, "properties")
    for key, value in (("location", results[0].location), ("apistatus", __version__)):
        SubElement(properties, "property", name=key, value=value)
    for result in results:
        _case(suite, result, answer)
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))


def _case(suite: Element, result: Result, answer: Answer) -> None:
    case = SubElement(
        suite, "testcase", name=_legal(result.name), classname=suite.attrib["name"],
        time=_seconds(result.total_us or 0),
    )  # fmt: skip
    told = {"down": "failure", "inconclusive": "error", "missed": "skipped"}
    if answer.strict:
        told["degraded"] = "failure"
    if tag := told.get(result.status):
        verdict = SubElement(case, tag, message=_legal(result.error or result.status))
        verdict.set("type", result.failure or result.status)
        verdict.text = _facts(result)
    else:
        SubElement(case, "system-out").text = _facts(result)


def _facts(result: Result) -> str:
    """What is known about the result, a line each."""
    facts = {
        "status": result.status,
        "error": result.error,
        "failure": result.failure and " in phase ".join(filter(None, (result.failure, result.phase))),
        "check": result.check,
        "target": f"{result.site}{'' if result.endpoint.startswith('/') else '/'}{result.endpoint}",
        "status code": result.status_code,
        "address": result.ip,
        "attempts": result.attempts,
        "value": result.value,
        "total": result.total_us and milliseconds(result.total_us),
        "phases": phases(result),
    }
    return _legal("".join(f"{name}: {fact}\n" for name, fact in facts.items() if fact not in (None, "")))


def _seconds(micros: int) -> str:
    return f"{micros / 1e6:.3f}"


def _legal(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
