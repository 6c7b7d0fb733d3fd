"""What keeps a check from saying who it is."""

from __future__ import annotations

from typing import Literal


class NoCredentials(Exception):
    """No token or no keys could be had: a line for people. `kind` is `internal` where that is our own fault."""

    def __init__(self, text: str, kind: Literal["auth", "internal"] = "auth") -> None:
        super().__init__(text)
        self.kind = kind
