"""Assertions out of the reader file's own grammar, held against bodies."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from apistatus.model.check import Check
from apistatus.model.result import Asserted
from apistatus.probing.answer import Answer
from apistatus.probing.assertions import Findings, findings_in
from apistatus.probing.extract import compile_json_path, compile_regex
from apistatus.settings.checks import load_reader_file


def expecting(keys: str, environ: Mapping[str, str] | None = None) -> Check:
    """A check with these keys, in YAML's flow style, through the reader file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "readers.yml")
        file.write_text(f"readers: [{{name: A, url: http://192.0.2.1/, {keys}}}]\n", encoding="utf-8")
        (check,) = load_reader_file(
            file, environ or {}, default_interval_us=30_000_000, compile_json_path=compile_json_path,
            compile_regex=compile_regex,
        ).checks  # fmt: skip
    return check


def found_in(
    check: Check, body: bytes = b"", headers: Mapping[str, str] | None = None, *, total_us: int = 1_000,
    certificate_left_us: int | None = None, quick: bool = False,
) -> Findings:  # fmt: skip
    """What the check finds in an answer."""
    answer = Answer(
        body, None, headers or {}, total_us=total_us, certificate_left_us=certificate_left_us, mask=str,
        quick=quick,
    )  # fmt: skip
    return findings_in(check, answer)


def asserted(expect: str, body: bytes, keys: str = "") -> Asserted:
    """What becomes of the one assertion in `expect: {...}`."""
    (one,) = found_in(expecting(f"expect: {{{expect}}}{keys and ', '}{keys}"), body).asserted
    return one


def of_element(operator: str, element: str) -> str:
    """The outcome of an operator on this JSON text."""
    return asserted(f"json: [{{path: $.a, {operator}}}]", f'{{"a": {element}}}'.encode()).outcome
