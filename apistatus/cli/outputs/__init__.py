"""The forms of `check-once`'s answer, a module each. Only their names are here: `--help` needs no more."""

from __future__ import annotations

from typing import Final

FORMATS: Final = ("text", "json", "jsonl", "junit", "nagios", "prometheus")
ONE_ROUND: Final = ("nagios", "prometheus")
"""Whoever reads these takes one answer: two, one after the other, would be an invalid text."""
