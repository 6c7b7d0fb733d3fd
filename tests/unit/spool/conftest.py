"""Every spool that a test opens is closed when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.unit.spool.bench import Bench, MakeBench


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeBench]:
    """Makes a bench in the test's folder; its caps as keywords."""
    with ExitStack() as stack:

        def make(**caps: Any) -> Bench:
            bench = Bench(tmp_path, **caps)
            stack.callback(bench.close)
            return bench

        yield make
