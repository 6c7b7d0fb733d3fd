"""The README's crontab lines, CronJob and CI step, as far as a command can try them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
import yaml

from tests.docs.readme import README, blocks
from tests.e2e.counting_target import CountingTarget
from tests.services import command

TEXT = README.read_text()
DOCUMENTS: list[dict[str, Any]] = [
    yaml.safe_load(body) for body in re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
]
CRONTAB = re.compile(r"(?:[0-9*/,-]+ ){5} ?(?P<command>.*apistatus check-once .*)")


@pytest.fixture
def checks(tmp_path: Path) -> Path:
    """A reader file with a check that is down: the case that all of this is for."""
    path = tmp_path / "checks.yml"
    path.write_text("readers:\n  - {name: Down, url: 'http://127.0.0.1:1/'}\n")
    return path


def shell(line: str, checks: Path) -> subprocess.CompletedProcess[str]:
    """The line as cron's or CI's shell runs it, with its files in the folder of the checks."""
    line = re.sub(r"--readers \S+", f"--readers {checks}", line).replace(
        "/var/lib/node_exporter/textfile", "."
    )
    env = command.environment({"READER_CONF_FILE": str(checks), "APISTATUS_STATE_DIR": str(checks.parent)})
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=checks.parent, env=env, text=True, capture_output=True, check=False,
        timeout=command.PATIENCE_S,
    )  # fmt: skip


def cron_lines() -> list[str]:
    steps = [step.command for block in blocks(TEXT) if not block.run for step in block.steps]
    return [match["command"] for step in steps if (match := CRONTAB.fullmatch(step))]


def test_cron_mails_what_is_bad_and_nothing_else(checks: Path) -> None:
    [line] = [line for line in cron_lines() if "--quiet" in line]
    assert "%" not in line
    assert "refused the connection" in shell(line, checks).stdout
    with CountingTarget() as target:
        checks.write_text(f"readers:\n  - {{name: Up, url: '{target.url}/up'}}\n")
        answer = shell(line, checks)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_the_textfile_collector_gets_a_whole_file_also_when_a_check_is_down(checks: Path) -> None:
    [line] = [line for line in cron_lines() if "prometheus" in line]
    assert "%" not in line
    answer = shell(line, checks)
    assert (answer.stdout, answer.stderr) == ("", "")
    assert 'apistatus_check_up{check="down"' in (checks.parent / "apistatus.prom").read_text()
    assert not (checks.parent / ".apistatus.tmp").exists()


def test_the_ci_step_fails_and_leaves_its_report(checks: Path) -> None:
    [job] = [document["smoke"] for document in DOCUMENTS if "smoke" in document]
    [line] = job["script"]
    assert shell(line, checks).returncode == 1
    root = fromstring((checks.parent / job["artifacts"]["reports"]["junit"]).read_bytes())
    assert root.attrib["failures"] == "1"


def test_the_cron_job_is_one_that_its_container_understands(checks: Path) -> None:
    [job] = [document for document in DOCUMENTS if document.get("kind") == "CronJob"]
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert CRONTAB.fullmatch(f"{job['spec']['schedule']} apistatus check-once x")
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }
    arguments = [str(checks) if word.startswith("/checks/") else word for word in container["args"]]
    settings = {entry["name"]: entry["value"] for entry in container["env"]}
    # There is no such Kafka here, so that the answer is told and the Job fails for good reason.
    settings |= {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "APISTATUS_STATE_DIR": str(checks.parent)}
    answer = command.run(*arguments, "--connect-timeout", "1", env=settings)
    assert answer.returncode == 75
    assert '"location": "cluster-a"' in answer.stdout
    assert "KAFKA_BOOTSTRAP_SERVERS" in answer.stderr
