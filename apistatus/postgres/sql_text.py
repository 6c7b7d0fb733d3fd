"""Migration files as text: dbmate's two sections, single statements, and where in the file they stand.

Format: github.com/amacneil/dbmate, "Creating Migrations"; versions are the digits the file name begins with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from apistatus.errors import ConfigurationError, Problem

_SECTION: Final = re.compile(r"^--[ \t]*migrate:(up|down)[ \t]*(.*)$", re.MULTILINE)
# What may hold a semicolon that ends nothing: comments, strings, quoted names, dollar-quoted bodies.
_TOKEN: Final = re.compile(
    r"""--[^\n]*
    | /\*
    | [eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | (?<![\w$])(\$(?:[^\W\d]\w*)?\$).*?\1
    | ;""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE: Final = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement and the line and column (from 1) where it begins."""

    text: str
    line: int
    column: int

    def position(self, character: int) -> tuple[int, int]:
        """Line and column in the file of the statement's character number `character`, from 1."""
        before = self.text[: max(0, character - 1)]
        newlines = before.count("\n")
        if not newlines:
            return self.line, self.column + len(before)
        return self.line + newlines, len(before) - before.rindex("\n")


def up_section(text: str, file: str) -> tuple[str, int]:
    """The part between `-- migrate:up` and `-- migrate:down`, and the character where it begins.

    Raises ConfigurationError for a file without it, or with an option that is not known here.
    """
    marks = list(_SECTION.finditer(text))
    if [mark[1] for mark in marks] not in (["up"], ["up", "down"]):
        raise ConfigurationError(
            [Problem(f"{file}:1:1", "must hold `-- migrate:up`, and after it at most `-- migrate:down`")]
        )
    up = marks[0]
    if up[2].strip():
        line = text.count("\n", 0, up.start()) + 1
        raise ConfigurationError(
            [
                Problem(
                    f"{file}:{line}:1",
                    f"option {up[2].strip()!r} is not supported: a file is one transaction",
                )
            ]
        )
    end = marks[1].start() if len(marks) == 2 else len(text)
    return text[up.end() : end], up.end()


def statements(text: str, file: str) -> Iterator[Statement]:
    """The statements of a file's up section, in order, without what stands between them."""
    section, offset = up_section(text, file)
    start = 0
    for end in [*_ends(section), len(section)]:
        body = section[start:end]
        blank = len(body) - len(_skip_blank(body))
        if body[blank:].strip():
            at = offset + start + blank
            line = text.count("\n", 0, at) + 1
            yield Statement(body[blank:].rstrip(), line, at - (text.rfind("\n", 0, at) + 1) + 1)
        start = end + 1


def _ends(section: str) -> Iterator[int]:
    """Positions of the semicolons that end a statement."""
    at = 0
    while token := _TOKEN.search(section, at):
        at = token.end()
        if token[0] == ";":
            yield token.start()
        elif token[0] == "/*":
            at = _after_comment(section, at)


def _after_comment(section: str, at: int) -> int:
    """Comments of this kind nest in PostgreSQL."""
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(section, at)):
        depth += 1 if edge[0] == "/*" else -1
        at = edge.end()
    return at if not depth else len(section)


def _skip_blank(body: str) -> str:
    """What is left without white space and comments at the beginning."""
    while True:
        body = body.lstrip()
        if body.startswith("--"):
            body = body.partition("\n")[2]
        elif body.startswith("/*"):
            body = body[_after_comment(body, 2) :]
        else:
            return body
