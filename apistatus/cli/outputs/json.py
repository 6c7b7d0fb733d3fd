"""JSON for programs: one object a round, or one line a result. UTF-8, times in whole microseconds."""

from __future__ import annotations

import json
from typing import Any

from apistatus.cli.outputs.verdict import Answer
from apistatus.model.result import Asserted, Hop, OnceResult, Result


def render(answer: Answer) -> str:
    """One object: `results` (with `quiet` only the bad ones) and `summary` (always of all)."""
    told = {"results": [_fields(result) for result in answer.shown], "summary": answer.summary}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def line(result: Result) -> str:
    """The result as a line of JSON."""
    return json.dumps(_fields(result), ensure_ascii=False) + "\n"


def _fields(result: Result) -> dict[str, Any]:
    fields = {name: getattr(result, name) for name in result.__struct_fields__ if name != "kind"}
    if isinstance(result, OnceResult):
        fields["assertions"] = [_told(one) for one in result.assertions]
        fields["hops"] = [_told(one) for one in result.hops]
    return {name: value for name, value in fields.items() if value is not None}


def _told(one: Asserted | Hop) -> dict[str, Any]:
    fields = ((name, getattr(one, name)) for name in one.__struct_fields__)
    return {name: value for name, value in fields if value is not None}
