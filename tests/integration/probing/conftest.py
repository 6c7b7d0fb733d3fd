"""Ports, authorities and options that tests of real sockets share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apistatus.model.check import TlsOptions
from tests.targets.certificates import Issued, issue
from tests.targets.ports import closed_port


@pytest.fixture
def closed() -> Iterator[int]:
    """A port on which nobody listens."""
    with closed_port() as port:
        yield port


@pytest.fixture(scope="module")
def authority() -> Issued:
    """An authority that signs the certificates of a module's targets."""
    return issue("Test authority", authority=True)


@pytest.fixture
def trust(authority: Issued, tmp_path: Path) -> TlsOptions:
    """Options that trust the test authority."""
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.pem)
    return TlsOptions(ca_file=str(file))
