"""README.md taken apart: tables, links, and the blocks of commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
README = TOP / "README.md"

_BLOCK = re.compile(
    r"(?:^<!-- (?P<marker>(?:not )?run)(?:: (?P<words>[^>]*?))? -->\n+)?^```console\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^(?: {4}|\t).*$", re.MULTILINE)
_WORDS = re.compile(r"output|services|exit \d+")


@dataclass(frozen=True, slots=True)
class Step:
    """A command and the output shown below it."""

    command: str
    output: str


@dataclass(frozen=True, slots=True)
class Block:
    """A `console` block, and what the comment above it says is done with it.

    `<!-- run -->` runs it. After a colon, with commas between: `output` compares what is shown (`...`
    stands for anything), `exit N` expects that code instead of 0, `services` needs Kafka and PostgreSQL.
    `<!-- not run: why -->` gives the reason.
    """

    line: int
    run: bool
    words: tuple[str, ...]
    steps: tuple[Step, ...] = field(repr=False)

    @property
    def exit_code(self) -> int:
        return next((int(word.removeprefix("exit ")) for word in self.words if word.startswith("exit ")), 0)


def blocks(text: str) -> list[Block]:
    """All `console` blocks in order, those without such a comment too."""
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("body")) + 1
        words = tuple(word.strip() for word in (match["words"] or "").split(",") if word.strip())
        found.append(Block(line, match["marker"] == "run", words, tuple(_steps(match["body"]))))
    return found


def undecided(text: str) -> list[str]:
    """A line for each block that says neither how it is run nor why it is not."""
    return [
        f"README.md:{block.line}: say <!-- run --> or <!-- not run: why --> above this block"
        for block in blocks(text)
        if not (block.run or block.words)
        or (block.run and not all(_WORDS.fullmatch(word) for word in block.words))
    ]


def _steps(body: str) -> Iterator[Step]:
    """Commands begin with `$ `; in a block without any, every line is a command of its own."""
    lines = body.replace("\\\n", " ").splitlines()
    if not any(line.startswith("$ ") for line in lines):
        yield from (Step(line, "") for line in lines if line.strip())
        return
    starts = [index for index, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield Step(lines[start].removeprefix("$ "), "\n".join(lines[start + 1 : end]))


def calls(command: str, program: str) -> Iterator[list[str]]:
    """The arguments of every call of `program` in a command line, as the shell would split them."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] | None = None
    assigning = True
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;<>()"):
            if words is not None:
                yield words
            words, assigning = None, "<" not in word and ">" not in word
        elif words is not None:
            words.append(word)
        elif assigning and word == program:
            words = []
        else:
            assigning = assigning and re.match(r"[A-Z_]+=", word) is not None


def prose(text: str) -> str:
    """The text without its blocks of code."""
    return _INDENTED.sub("", _FENCED.sub("", text))


def links(text: str) -> list[str]:
    """Targets of all links."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(text))


def anchors(text: str) -> set[str]:
    """What a link to a heading may name, as GitHub forms it."""
    titles = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def table_under(text: str, header: str) -> str:
    """The table with this first line. Raises ValueError unless there is exactly one."""
    found = re.findall(rf"^{re.escape(header)}\n(?:\|.*\n)+", text, re.MULTILINE)
    if len(found) != 1:
        raise ValueError(f"README.md has {len(found)} tables with the header {header}")
    return str(found[0]).rstrip("\n")
