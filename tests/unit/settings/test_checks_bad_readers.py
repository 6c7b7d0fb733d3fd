"""Every rule of the reader file, broken: each file in bad_readers/ ends with what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.errors import ConfigurationError
from tests.unit.settings.readers import load

FOLDER = Path(__file__).parent / "bad_readers"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yml")), ids=lambda file: file.stem)
def test_says_every_mistake_with_its_place(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    expected = [line.removeprefix("# => ") for line in lines if line.startswith("# => ")]
    monkeypatch.chdir(FOLDER)
    with pytest.raises(ConfigurationError) as caught:
        load(Path(file.name), {"EMPTY": ""})
    said = [str(problem).replace(str(FOLDER), "{folder}") for problem in caught.value.problems]
    assert said == [f"{file.name}:{line}" for line in expected]
    assert caught.value.exit_code == 2


def test_mistakes_of_many_checks_come_together_and_in_order(tmp_path: Path) -> None:
    file = tmp_path / "readers.yml"
    file.write_text("readers:\n" + "  - {name: 5, interval: often}\n" * 60)
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    problems = caught.value.problems
    assert len(problems) == 60 * 2 + 59
    lines = [int(problem.where.split(":")[-2]) for problem in problems]
    assert lines == sorted(lines)
    assert str(caught.value).endswith("... and 129 more")
