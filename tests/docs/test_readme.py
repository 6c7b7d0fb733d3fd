"""README.md says what is true: its tables, its links, the commands and options it names."""

from __future__ import annotations

import re
import tomllib

import click
import pytest
from click.testing import CliRunner

from apistatus.cli import cli
from tests.docs.readme import README, TOP, Step, anchors, blocks, calls, links, table_under, undecided
from tests.docs.tables import METRICS_HEADER, SETTINGS_HEADER, metrics_table, settings_table

TEXT = README.read_text()


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Every command by its words, groups too."""
    found: dict[tuple[str, ...], click.Command] = {path: group}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, (*path, name))
        else:
            found[*path, name] = command
    return found


COMMANDS = commands()
STEPS = [step for block in blocks(TEXT) for step in block.steps]


def test_the_settings_table_is_the_one_the_program_reads() -> None:
    assert table_under(TEXT, SETTINGS_HEADER) == settings_table(), "python -m tests.docs writes it anew"


def test_the_metrics_table_is_the_one_the_program_serves() -> None:
    assert table_under(TEXT, METRICS_HEADER) == metrics_table(), "python -m tests.docs writes it anew"


def test_every_link_inside_the_repository_leads_somewhere() -> None:
    inside = [link for link in links(TEXT) if not re.match(r"https?://|mailto:", link)]
    assert inside
    wrong = []
    for link in inside:
        path, _, anchor = link.partition("#")
        target = TOP / path if path else README
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            wrong.append(link)
    assert wrong == []


def test_no_placeholder_is_left() -> None:
    assert re.findall(r"@[A-Z]+@|\bTODO\b|\bXXX\b", TEXT) == []


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(("apistatus", *path)))
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(cli, [*path, "--help"])
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("Usage: ")


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(("apistatus", *path)))
def test_every_option_has_a_variable_and_its_help_shows_it(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    shown = " ".join(CliRunner().invoke(cli, [*path, "--help"], terminal_width=500).output.split())
    lacking = [
        option.opts[-1]
        for option in command.params
        if isinstance(option, click.Option)
        and not option.is_eager
        and not re.search(rf"{re.escape(option.opts[0])}\b(?:(?! --).)*\[env var: [A-Z]", shown)
    ]
    assert lacking == []


@pytest.mark.parametrize("path", [path for path in COMMANDS if path], ids=" ".join)
def test_every_command_is_named_in_the_readme(path: tuple[str, ...]) -> None:
    assert re.search(r"`apistatus " + path[0] + r"\b", TEXT)
    assert all(re.search(rf"\b{word}\b", TEXT) for word in path)


def test_every_call_of_the_program_is_one_that_it_understands() -> None:
    seen = [words for step in STEPS for words in calls(step.command, "apistatus")]
    assert seen
    for words in seen:
        path = tuple(words[: next((n for n in (2, 1) if tuple(words[:n]) in COMMANDS), 0)])
        known = {name for option in COMMANDS[path].params for name in (*option.opts, *option.secondary_opts)}
        given = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert given <= known | {"-h", "--help"}, f"apistatus {' '.join(words)}"


def test_every_call_of_make_names_a_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (TOP / "Makefile").read_text(), re.MULTILINE))
    called = [words for step in STEPS for words in calls(step.command, "make")]
    assert {"demo", "test"} <= {word for words in called for word in words}
    assert {word for words in called for word in words if "=" not in word} <= targets


def test_version_and_license_agree_everywhere() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    answer = CliRunner().invoke(cli, ["--version"])
    assert project["version"] in answer.output
    assert f"## {project['version']} " in (TOP / "CHANGELOG.md").read_text()
    assert (TOP / "LICENSE").read_text().split()[:3] == ["Apache", "License", "Version"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("apistatus produce", [["produce"]]),
        (
            "A=1 B='x y' apistatus config check | head && apistatus demo > out",
            [["config", "check"], ["demo"]],
        ),
        ("which apistatus; echo apistatus", []),
    ],
)
def test_calls_are_found_as_the_shell_would_find_them(line: str, expected: list[list[str]]) -> None:
    assert list(calls(line, "apistatus")) == expected


def test_every_block_of_commands_says_whether_it_is_run() -> None:
    assert STEPS
    assert undecided(TEXT) == []


def test_a_block_says_how_it_is_run() -> None:
    text = "<!-- run: output, exit 3 -->\n```console\n$ one\n1\n$ two \\\n  more\n```\n"
    [block] = blocks(text)
    assert block.run
    assert block.steps == (Step("one", "1"), Step("two    more", ""))
    assert block.exit_code == 3
    assert undecided(text) == []


@pytest.mark.parametrize("comment", ["", "<!-- not run -->\n", "<!-- run: sometimes -->\n"])
def test_a_block_that_does_not_say_is_named_with_its_line(comment: str) -> None:
    [said] = undecided(f"{comment}```console\nmake\n```\n")
    assert said.startswith(f"README.md:{3 if comment else 2}: ")
