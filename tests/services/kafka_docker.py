"""Apache Kafka's own image instead of Java and Maven: the same node, in a container on the host's network."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.services.kafka_jars import FLAGS, HERE

IMAGE = "apache/kafka:4.4.0"
_TIMEOUT_S = 300


def is_here() -> bool:
    """Whether there is an engine that answers and has, or gets, the image."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        asked = [[docker, "info"], [docker, "pull", "-q", IMAGE]]
        return all(
            subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False).returncode == 0
            for command in asked
        )
    except subprocess.TimeoutExpired:
        return False


ENDS_WITH_ITS_CLIENT = """
exec 3<&0
child=
ended=
trap 'ended=1; [ -z "$child" ] || kill -TERM $child' TERM
"$@" <&- 3<&- &
child=$!
[ -z "$ended" ] || kill -TERM $child
{ cat <&3 >/dev/null; kill -KILL $child; } 2>/dev/null &
while kill -0 $child 2>/dev/null; do wait $child; done
"""
"""A shell's program: runs a command until it ends, SIGTERM comes, or standard input is closed. A container
does not end with a killed `docker run`, but its standard input does."""


def command(folder: Path) -> list[str]:
    """What stands for `java ... -cp ...`: a container that ends with the client that started it."""
    return [
        "docker", "run", "--rm", "--init", "--interactive", "--network", "host",
        "--user", f"{os.getuid()}:{os.getgid()}", "--volume", f"{folder}:{folder}",
        "--volume", f"{HERE}:{HERE}:ro", "--entrypoint", "sh", IMAGE, "-c", ENDS_WITH_ITS_CLIENT, "sh",
        "java", *FLAGS, "-cp", "/opt/kafka/libs/*",
    ]  # fmt: skip
