"""The table of truths: every hostile behaviour, all of them checked in one call."""

from __future__ import annotations

from typing import Final

from tests.targets import bodies, codings, contents, handshakes, heads, redirections, tokens, waiting
from tests.targets.case import Case

CASES: Final[tuple[Case, ...]] = (
    *heads.CASES,
    *bodies.CASES,
    *codings.CASES,
    *waiting.CASES,
    *redirections.CASES,
    *redirections.NAMES,
    *handshakes.CASES,
    *tokens.CASES,
    *contents.CASES,
)


def check_id(number: int) -> str:
    """The id of the check of the case at this place of the table."""
    return f"c{number}"
