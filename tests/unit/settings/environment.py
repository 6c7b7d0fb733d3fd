"""Loading settings in tests: what is given, what comes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import pytest

from apistatus.errors import ConfigurationError
from apistatus.settings.load import Loaded, load
from apistatus.settings.schema import Settings
from apistatus.settings.variables import NEEDS

NOW = datetime.now(UTC)
_HOME = {"HOME": "/home/user"}


def loaded(
    *, needs: Collection[str] = NEEDS, flags: Mapping[str, str] | None = None, **environ: str
) -> Loaded:
    """What these variables, beside a HOME, mean."""
    return load({**_HOME, **environ}, flags or {}, needs=needs, now=NOW)


def settings(*, needs: Collection[str] = NEEDS, **environ: str) -> Settings:
    return loaded(needs=needs, **environ).settings


def mistakes(
    *, needs: Collection[str] = NEEDS, flags: Mapping[str, str] | None = None, **environ: str
) -> dict[str, str]:
    """Where -> message of every mistake in these variables."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(needs=needs, flags=flags, **environ)
    found = caught.value.problems
    assert len({problem.where for problem in found}) == len(found), f"two of one place: {found}"
    return {problem.where: problem.message for problem in found}
