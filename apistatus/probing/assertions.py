"""Carrying out a check's `expect` on what came back.

Three outcomes are kept apart: an assertion holds, it does not (`failed`), or nothing can be said
(`error`: the body is no JSON, the value is of another kind, a search took too long). Both of the
latter count against the check. What could not even be compiled was refused when the file was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from apistatus.model.check import Assertion, Check
from apistatus.model.result import Asserted
from apistatus.probing.answer import Answer
from apistatus.probing.body import ExtractFailed, Missing, as_value
from apistatus.probing.comparing import NotComparable, holds
from apistatus.probing.extractors import JsonPathExtractor
from apistatus.probing.json_path import Several, kind_of
from apistatus.probing.json_text import as_text, is_string, written

_SEEN_CHARS: Final = 120
_LONG: Final = frozenset(("a string", "an array", "an object"))
_LOOKED_AT_CHARS: Final = 8_192
"""Of a text that is shown, the part in which secrets are looked for: longer than any of them."""
_DAY_US: Final = 86_400_000_000

_AssertedAs: TypeAlias = Literal["held", "failed", "error"]


@dataclass(slots=True)
class Findings:
    """What a check's answer holds: its value, why there is none, and what became of each assertion."""

    value: str | None = None
    failure: ExtractFailed | None = None
    """Why the value could not be taken."""
    asserted: list[Asserted] = field(default_factory=list)
    unreadable: bool = False
    """True when the first failed assertion of level `down` could not be evaluated for what the body is."""


class _Absent:
    """Stands for a value that is not there; `why` says so for people."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


class _Found:
    """Stands for elements of which only counts that there are some; `what` says so for people."""

    __slots__ = ("what",)

    def __init__(self, what: str) -> None:
        self.what = what


def findings_in(check: Check, answer: Answer, *, tell_held: bool = True) -> Findings:
    """Value and assertions of the check; those that hold only when `tell_held`. Raises
    `answer.TookTooLong` when the answer's searches are only to be quick, and are not."""
    found = Findings()
    value: Any = None
    try:
        if check.extractor is not None:
            value, found.value = _value(check.extractor, answer)
        elif check.value_header is not None:
            value = answer.header(check.value_header)
            found.value = as_value(value)
    except ExtractFailed as error:
        value = _Absent(str(error)) if isinstance(error, Missing) else error
        if not (isinstance(error, Missing) and _may_be_absent(check)):
            found.failure = error
    typed = isinstance(check.extractor, JsonPathExtractor)
    clear = True
    for assertion in check.assertions:
        seen, outcome, why = _judged(assertion, answer, value, typed=typed)
        if outcome != "held":
            if clear and assertion.level == "down":
                clear, found.unreadable = False, isinstance(why, ExtractFailed)
        elif not tell_held:
            continue
        found.asserted.append(_asserted(assertion, outcome, _said(assertion, seen, why, answer.mask)))
    return found


def _may_be_absent(check: Check) -> bool:
    """True when the check says itself what a missing value means."""
    return any(
        one.subject == "value" and one.operator == "exists" and not one.expected for one in check.assertions
    )


def _value(extractor: Any, answer: Answer) -> tuple[Any, str]:
    """The value as it is, and as a result carries it."""
    if isinstance(extractor, JsonPathExtractor):
        value = answer.element(extractor)
        return value, as_value(as_text(value))
    text = answer.extracted(extractor)
    return text, text


def _judged(
    assertion: Assertion, answer: Answer, value: Any, *, typed: bool
) -> tuple[Any, _AssertedAs, Exception | None]:
    """What was seen, what becomes of the assertion, and why nothing can be said of it.

    `typed`: the value has a type of its own, and is not just text.
    """
    subject, seen = assertion.subject, None
    try:
        seen = value if subject == "value" else _SUBJECTS[subject](assertion, answer)
        if type(seen) is _Absent:
            well = assertion.operator == "exists" and not assertion.expected and not assertion.length
        elif isinstance(seen, ExtractFailed):
            return None, "error", seen
        else:
            untyped = subject in _TEXTS or (subject == "value" and not typed)
            well = holds(assertion, seen, untyped=untyped, search=answer.search)
    except (ExtractFailed, NotComparable) as error:
        return seen, "error", error
    return seen, "held" if well else "failed", None


def _header(assertion: Assertion, answer: Answer) -> Any:
    try:
        return answer.header(assertion.of or "")
    except Missing as error:
        return _Absent(str(error))


def _element(assertion: Assertion, answer: Answer) -> Any:
    try:
        return answer.element(assertion.path)
    except Missing as error:
        return _Absent(str(error))
    except Several as error:
        if assertion.operator == "exists" and not assertion.length:
            return _Found(str(error))
        raise


def _body(_assertion: Assertion, answer: Answer) -> str:
    return answer.text


def _total_ms(_assertion: Assertion, answer: Answer) -> Decimal:
    return Decimal(answer.total_us).scaleb(-3)


def _certificate_days(_assertion: Assertion, answer: Answer) -> Any:
    left_us = answer.certificate_left_us
    return _Absent("no certificate was served") if left_us is None else Decimal(left_us) / _DAY_US


_TEXTS: Final = frozenset(("headers", "body"))
_SUBJECTS: Final[dict[str, Callable[[Assertion, Answer], Any]]] = {
    "headers": _header,
    "body": _body,
    "total_ms": _total_ms,
    "certificate_days": _certificate_days,
    "json": _element,
}


def _said(assertion: Assertion, seen: Any, why: Exception | None, mask: Callable[[str], str]) -> str:
    """What people get to read of what was seen."""
    if isinstance(why, ExtractFailed):
        return mask(str(why))
    if type(seen) is _Absent:
        return mask(f"nothing: {seen.why}")
    if type(seen) is _Found:
        return mask(seen.what)
    shown = _shown(assertion, seen, mask)
    return f"{shown} ({why})" if why else shown


def _shown(assertion: Assertion, seen: Any, mask: Callable[[str], str]) -> str:
    """What was seen, masked and then shortened: what is left of half a secret could not be found any more."""
    if assertion.subject == "certificate_days":
        seen = round(seen, 2)
    text = mask(written(seen[:_LOOKED_AT_CHARS] if is_string(seen) else seen, _SEEN_CHARS))
    text = text if len(text) <= _SEEN_CHARS else f"{text[: _SEEN_CHARS - 1]}…"
    return f"{len(seen)} in {text}" if assertion.length and kind_of(seen) in _LONG else text


def _asserted(assertion: Assertion, outcome: _AssertedAs, seen: str) -> Asserted:
    subject = "header" if assertion.subject == "headers" else assertion.subject
    name = f"{subject} {assertion.of}" if assertion.of else subject
    operator = f"length {assertion.operator}" if assertion.length else assertion.operator
    return Asserted(
        assertion=name, expected=f"{operator} {assertion.shown}", seen=as_value(seen), outcome=outcome,
        level=assertion.level,
    )  # fmt: skip


def in_words(asserted: Asserted) -> str:
    """One line for people: what, what was expected, what was seen."""
    verb = "cannot be told" if asserted.outcome == "error" else "seen"
    return f"{asserted.assertion}: expected {asserted.expected}, {verb}: {asserted.seen}"
