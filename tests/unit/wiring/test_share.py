"""What each of several processes gets of what is set for all of them."""

from __future__ import annotations

from pathlib import Path

from apistatus.produce.shares import Share
from apistatus.settings.load import load
from apistatus.wiring.produce import NEEDS
from apistatus.wiring.share import _own


def test_limits_of_checks_and_bytes_are_divided(tmp_path: Path) -> None:
    environ = {
        "APISTATUS_STATE_DIR": str(tmp_path), "APISTATUS_MAX_IN_FLIGHT": "1000", "APISTATUS_MAX_PER_HOST": "8",
        "APISTATUS_SPOOL_MAX_BYTES": "4GiB",
    }  # fmt: skip
    own = _own(load(environ, {}, needs=frozenset(NEEDS)).settings, Share(1, 4)).probe
    assert (own.max_in_flight, own.max_per_host, own.spool_max_bytes) == (250, 2, 2**30)
    assert own.state_dir == tmp_path / "process-1"


def test_no_limit_for_a_host_stays_none(tmp_path: Path) -> None:
    of_all = load({"APISTATUS_STATE_DIR": str(tmp_path)}, {}, needs=frozenset(NEEDS)).settings
    assert _own(of_all, Share(1, 4)).probe.max_per_host == 0
