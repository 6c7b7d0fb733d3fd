"""What a check expects, out of `expect` and what else it says: what contradicts, and what speaks of nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from apistatus.model.check import Assertion
from apistatus.model.result import FailureKind
from apistatus.settings.check_draft import Draft

SUCCESS: Final = ((200, 299),)
_ASSERTED: Final = ("headers", "body", "value", "total_ms", "certificate_days", "json")
_VALUE_KEYS: Final = ("json_path", "regex", "header")
_OF_THE_BODY: Final = ("body", "json")


class Expectations(NamedTuple):
    """Accepted status codes; failures that are wanted instead; assertions."""

    statuses: tuple[tuple[int, int], ...] = SUCCESS
    failures: tuple[FailureKind, ...] = ()
    assertions: tuple[Assertion, ...] = ()


def expectations(draft: Draft) -> Expectations:
    """What the check expects; mistakes are reported."""
    given: Mapping[str, Any] = draft.get("expect", {})
    failures = given.get("failure")
    if failures is not None and _wants_failure(draft, given):
        return Expectations(failures=failures)
    assertions = tuple(one for key in _ASSERTED for one in given.get(key) or ())
    _require_value(draft, assertions)
    if draft.get("method") == "HEAD":
        for key in _OF_THE_BODY:
            if given.get(key):
                draft.where("expect", key).fail("an answer to HEAD has no body")
    return Expectations(given.get("status") or SUCCESS, (), assertions)


def _wants_failure(draft: Draft, given: Mapping[str, Any]) -> bool:
    """Whether `failure` counts: what the check says itself stands above what its defaults say."""
    own = draft.at.find("expect", "failure")
    others = [key for key, value in given.items() if value is not None and key != "failure"]
    said = [key for key in others if (at := draft.at.find("expect", key)) and not at.is_null]
    said_outside = [key for key in _VALUE_KEYS if (at := draft.at.find(key)) and not at.is_null]
    if own is None:
        return not said and not said_outside
    if said or said_outside:
        names = ", ".join((*said, *said_outside))
        own.fail(f"goes with nothing else that is expected or kept ({names}): no answer is looked at")
    return True


def _require_value(draft: Draft, assertions: tuple[Assertion, ...]) -> None:
    on_value = [one for one in assertions if one.subject == "value"]
    if not on_value:
        return
    blame = draft.where("expect", "value")
    if not any(draft.has(key) for key in _VALUE_KEYS):
        blame.fail("speaks of the value of json_path, regex or header, and there is none")
    elif not draft.has("json_path"):
        for one in on_value:
            choices = one.expected if one.operator == "one_of" else ((one.expected, one.written),)
            if not one.length and any(
                choice is None or isinstance(choice, dict | list) for choice, _ in choices
            ):
                blame.fail(f"{one.operator} {one.shown}: what a regex or header gives is text, never that")
