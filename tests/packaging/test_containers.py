"""The container image and the compose files, as far as they can be judged without an engine."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from apistatus import __version__
from tests.packaging.checkout import TOP, bare_environment, run
from tests.services.missing import lacks

DOCKERFILE = (TOP / "docker/Dockerfile").read_text()
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
CLOUD = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9093",
    "PGHOST": "pg.example",
    "PGUSER": "admin",
    "PGPW": "a-secret",
    "PGAPPUSER": "app",
    "PGAPPPW": "b-secret",
}


@pytest.fixture(scope="session")
def compose(request: pytest.FixtureRequest) -> list[str]:
    """The command that validates compose files, whichever of the two is here."""
    for command in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(command[0]) and run([*command, "version"], TOP).returncode == 0:
            return command
    return lacks(request, "docker-compose", why="not installed", command="apt-get install docker-compose")


def config(compose: list[str], file: str, **env: str) -> dict[str, Any]:
    done = run([*compose, "-f", TOP / "docker" / file, "config"], TOP, bare_environment(**env))
    assert done.returncode == 0, done.stderr
    parsed = yaml.safe_load(done.stdout)
    assert isinstance(parsed, dict)
    return parsed


def published(services: dict[str, Any]) -> list[str]:
    """Address that each port is published on."""
    ports = [port for service in services.values() for port in service.get("ports", [])]
    return [port["host_ip"] if isinstance(port, dict) else port.partition(":")[0] for port in ports]


def condition(service: dict[str, Any], of: str) -> str:
    return str(service["depends_on"][of]["condition"])


def ours(services: dict[str, Any]) -> dict[str, Any]:
    return {name: services[name] for name in ("migrate", "produce", "consume")}


def mounts(service: dict[str, Any]) -> dict[str, bool]:
    """Target -> whether it is read-only, in the short and the long form that the two tools print."""
    found = {}
    for volume in service.get("volumes", []):
        if isinstance(volume, dict):
            found[volume["target"]] = bool(volume.get("read_only"))
        else:
            _, target, *mode = (
                volume.rsplit(":", 2) if volume.endswith((":ro", ":rw")) else volume.rsplit(":", 1)
            )
            found[target] = mode == ["ro"]
    return found


def test_the_image_has_two_stages_on_one_base_pinned_by_its_tag() -> None:
    assert [stage.split()[0] for stage in STAGES] == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
    [base] = re.findall(r"^ARG PYTHON_IMAGE=(.+)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base)
    assert f'base.name="docker.io/library/{base}"' in DOCKERFILE


def test_the_image_runs_as_a_number_that_is_not_root() -> None:
    [user] = re.findall(r"^USER (.+)$", STAGES[1], re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)


def test_the_image_takes_only_the_installed_wheel_and_the_readers() -> None:
    assert re.findall(r"^COPY (.+)$", STAGES[1], re.MULTILINE) == [
        "--from=build /opt/apistatus /opt/apistatus",
        "conf /etc/apistatus",
    ]
    assert "--require-hashes" in STAGES[0]


def test_the_image_asks_our_own_command_for_its_health_and_keeps_state_in_a_volume() -> None:
    assert re.search(r'^HEALTHCHECK .*CMD \["apistatus", "health"\]$', STAGES[1], re.MULTILINE)
    [volume] = re.findall(r"^VOLUME (.+)$", STAGES[1], re.MULTILINE)
    assert f"APISTATUS_STATE_DIR={volume}" in STAGES[1]


def test_version_and_license_of_the_image_are_ours() -> None:
    assert f"ARG VERSION={__version__}\n" in DOCKERFILE
    assert 'licenses="Apache-2.0"' in DOCKERFILE


def test_nothing_but_what_the_wheel_is_made_of_reaches_the_builder() -> None:
    lines = [line for line in (TOP / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line[0] == "!"} == {
        "apistatus",
        "migrations",
        "conf",
        "pyproject.toml",
        "requirements.lock",
        "README.md",
        "LICENSE",
    }


def test_local_compose_starts_each_service_when_what_it_stands_on_is_well(compose: list[str]) -> None:
    services = config(compose, "compose.yml")["services"]
    assert set(services) == {"kafka", "postgres", "migrate", "produce", "consume"}
    assert all("healthcheck" in services[name] for name in ("kafka", "postgres"))
    assert condition(services["migrate"], "postgres") == "service_healthy"
    assert condition(services["produce"], "kafka") == "service_healthy"
    assert condition(services["consume"], "kafka") == "service_healthy"
    assert condition(services["consume"], "migrate") == "service_completed_successfully"


def test_local_compose_runs_the_broker_of_the_tests_and_opens_ports_to_this_machine_alone(
    compose: list[str],
) -> None:
    services = config(compose, "compose.yml")["services"]
    assert services["kafka"]["image"].startswith("apache/kafka:4.")
    assert services["postgres"]["image"] == "postgres:18"
    assert len(published(services)) == 4
    assert set(published(services)) == {"127.0.0.1"}


def test_passwords_have_local_defaults_and_come_from_the_environment(compose: list[str]) -> None:
    services = config(compose, "compose.yml")["services"]
    assert (
        services["migrate"]["environment"]["PGAPPPW"]
        == services["consume"]["environment"]["PGAPPPW"]
        != "postgres"
    )
    services = config(compose, "compose.yml", PGPW="one", PGAPPPW="two")["services"]
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD"] == "one"
    assert services["migrate"]["environment"]["PGPW"] == "one"
    assert services["consume"]["environment"]["PGAPPPW"] == "two"


@pytest.mark.parametrize("file", ["compose.yml", "compose.cloud.yml"])
def test_our_services_are_fenced_in_and_may_stop_in_order(compose: list[str], file: str) -> None:
    for service in ours(config(compose, file, **CLOUD)["services"]).values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["stop_grace_period"] == "30s"
        assert service["image"] == f"apistatus:{__version__}"


@pytest.mark.parametrize("file", ["compose.yml", "compose.cloud.yml"])
def test_no_service_is_given_a_password_that_it_does_not_use(compose: list[str], file: str) -> None:
    services = ours(config(compose, file, **CLOUD)["services"])
    assert "PGPW" not in services["consume"]["environment"]
    assert not [name for name in services["produce"]["environment"] if name.startswith("PG")]
    assert not [name for name in services["migrate"]["environment"] if name.startswith("KAFKA")]


def test_cloud_compose_starts_no_service_of_others_and_reads_the_certificates(compose: list[str]) -> None:
    services = config(compose, "compose.cloud.yml", **CLOUD)["services"]
    assert set(services) == {"migrate", "produce", "consume"}
    assert set(published(services)) == {"127.0.0.1"}
    assert all(mounts(service)["/certs"] is True for service in services.values())
    kafka = services["produce"]["environment"]
    assert {kafka[f"KAFKA_SSL_{what}_FILE"] for what in ("CA", "CERT", "KEY")} == {
        "/certs/ca.pem",
        "/certs/service.cert",
        "/certs/service.key",
    }
    assert services["consume"]["environment"]["PGSSLMODE"] == "verify-full"


@pytest.mark.parametrize("variable", CLOUD)
def test_cloud_compose_names_a_variable_that_is_missing(compose: list[str], variable: str) -> None:
    env = bare_environment(**{name: value for name, value in CLOUD.items() if name != variable})
    done = run([*compose, "-f", TOP / "docker/compose.cloud.yml", "config"], TOP, env)
    assert done.returncode != 0
    assert variable in done.stdout + done.stderr


def test_every_setting_in_the_compose_files_is_one_that_we_know() -> None:
    from apistatus.settings.load import documentation

    known = {row.name for row in documentation()} | {"PGSSLROOTCERT"}
    for file in ("compose.yml", "compose.cloud.yml"):
        parsed = yaml.safe_load((TOP / "docker" / file).read_text())
        for service in ours(parsed["services"]).values():
            assert set(service["environment"]) <= known


def test_the_continuous_integration_does_what_the_script_does() -> None:
    flow = yaml.safe_load((TOP / ".github/workflows/ci.yml").read_text())
    assert flow["permissions"] == {"contents": "read"}
    steps = [step.get("run", "") for step in flow["jobs"]["everything"]["steps"]]
    assert "bash .ci/run" in steps


def test_the_ci_script_runs_check_then_test_and_insists_on_the_real_services() -> None:
    script = (TOP / ".ci/run").read_text()
    assert os.access(TOP / ".ci/run", os.X_OK)
    assert run(["bash", "-n", TOP / ".ci/run"], TOP).returncode == 0
    assert script.index("make check") < script.index("make test")
    assert "export APISTATUS_REQUIRE_REAL=1" in script
    assert "export CI=true" in script
    assert "exec </dev/null" in script


def test_no_secret_file_can_be_committed() -> None:
    ignored = Path(TOP / ".gitignore").read_text().splitlines()
    assert {"certs/", "docker/.env", ".venv/"} <= set(ignored)
