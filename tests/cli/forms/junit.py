"""JUnit XML, held against the schema beside this file and against its own sums."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import xmlschema

_SCHEMA = Path(__file__).with_name("junit.xsd")


@lru_cache(maxsize=1)
def _schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(_SCHEMA))


def read(text: str) -> Element:
    """The document's root. Fails where it is not as the schema says or its sums are not right."""
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    assert text.endswith(">\n")
    root = fromstring(text.encode("utf-8", "strict"))
    _schema().validate(root)
    for element in (root, *root.iter("testsuite")):
        for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(element.attrib[attribute]) == len(list(element.iter(tag)))
        if "skipped" in element.attrib:
            assert int(element.attrib["skipped"]) == len(list(element.iter("skipped")))
    return root


def verdicts(root: Element) -> dict[str, str]:
    """Name of each case -> the tag that says what became of it."""
    return {case.attrib["name"]: case[0].tag for case in root.iter("testcase")}
