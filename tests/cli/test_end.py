"""How the program ends."""

from __future__ import annotations

import logging
import sys

import pytest

from apistatus.cli import main


def test_at_its_end_no_thread_can_log_any_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.StreamHandler(sys.stderr)])
    logging.getLogger("apistatus").warning("before")
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    logging.getLogger("apistatus").warning("after")
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (0, "before\n")
    assert said.out.startswith("apistatus")
