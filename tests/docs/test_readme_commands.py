"""The blocks of commands in README.md that say they are run are run, each in a folder of its own."""

from __future__ import annotations

import doctest
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apistatus.demo.postgres_server import PostgresServer
from tests.docs.readme import README, TOP, Block, blocks
from tests.services.kafka_fixtures import Kafka

RUN = [block for block in blocks(README.read_text()) if block.run]


@pytest.fixture(scope="module")
def postgres_of_the_readme() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def readme_services(kafka: Kafka, postgres_of_the_readme: PostgresServer, tmp_path: Path) -> dict[str, str]:
    """The environment that a reader has set by then: Kafka and PostgreSQL, and psql on the path."""
    server = postgres_of_the_readme
    return {
        **kafka.environ(), "APISTATUS_STATE_DIR": str(tmp_path / "state"),
        "PGHOST": server.host, "PGPORT": str(server.port),
        "PGUSER": server.superuser, "PGPW": server.password, "PGPASSWORD": server.password,
        "PGAPPUSER": "apistatus", "PGAPPPW": "of-the-readme",
        "PATH": os.pathsep.join([str(server.binary("psql").parent), _path()]),
    }  # fmt: skip


def _path() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a reader of the README has at hand: the sample readers, and a home without any setting."""
    folder = tmp_path / "checkout"
    shutil.copytree(TOP / "conf", folder / "conf")
    return folder


def environment(home: Path, more: dict[str, str]) -> dict[str, str]:
    kept = ("LANG", "TMPDIR", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
    own = {name: os.environ[name] for name in kept if name in os.environ}
    return {**own, "PATH": _path(), "HOME": str(home), "NO_COLOR": "1", **more}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", RUN, ids=lambda block: f"line {block.line}")
def test_a_block_of_commands_does_what_it_shows(
    block: Block, checkout: Path, request: pytest.FixtureRequest
) -> None:
    more = request.getfixturevalue("readme_services") if "services" in block.words else {}
    env = environment(checkout.parent, more)
    for step in block.steps:
        done = subprocess.run(
            ["bash", "-c", step.command], cwd=checkout, env=env, text=True, capture_output=True,
            stdin=subprocess.DEVNULL, timeout=120, check=False,
        )  # fmt: skip
        expected = block.exit_code if step is block.steps[-1] else 0
        assert done.returncode == expected, f"{step.command}\n{done.stdout}\n{done.stderr}"
        if "output" in block.words:
            same = doctest.OutputChecker().check_output(
                step.output, done.stdout, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            )
            assert same, f"{step.command} shows:\n{done.stdout}"
