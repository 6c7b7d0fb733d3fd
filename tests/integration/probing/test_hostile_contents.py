"""The table of hostile contents through the command, all in one call: the verdict is the truth."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.services import command
from tests.targets.contents import CONTENTS, Content
from tests.targets.server import Target, answer, replies


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("contents")
    file = folder / "readers.yml"
    with ExitStack() as stack:
        lines = []
        for number, content in enumerate(CONTENTS):
            page = replies(answer(content.body, headers=content.headers))
            target = stack.enter_context(Target(page))
            name = json.dumps(content.name, ensure_ascii=False)
            lines.append(f"  - {{id: c{number}, name: {name}, url: '{target.url}', {content.keys}}}\n")
        file.write_text("readers:\n" + "".join(lines), encoding="utf-8")
        env = {
            "READER_CONF_FILE": str(file),
            "APISTATUS_STATE_DIR": str(folder),
            "API_READ_INTERVAL_SECS": "60",
        }
        made = command.run("check-once", "--output", "json", env=env)
    assert made.returncode == 1, made.stderr
    assert made.stderr == ""
    return {result["name"]: result for result in json.loads(made.stdout)["results"]}


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: content.name)
def test_the_verdict_is_the_truth(results: dict[str, Any], content: Content) -> None:
    result = results[content.name]
    assert (result["status"], result.get("failure")) == content.truth, result.get("error")
    assert (content.truth[0] == "up") == (result.get("error") is None)


def test_names_are_unique() -> None:
    assert len({content.name for content in CONTENTS}) == len(CONTENTS)


def test_a_mistake_in_an_expectation_stops_the_command_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "readers.yml"
    file.write_text("readers:\n  - {name: A, url: http://127.0.0.1:1/, expect: {body: {matches: '('}}}\n")
    made = command.run(
        "check-once", env={"READER_CONF_FILE": str(file), "APISTATUS_STATE_DIR": str(tmp_path)}
    )
    assert made.returncode == 2
    assert f"{file}:2:66: readers[0].expect.body.matches: is not a regular expression" in made.stderr
