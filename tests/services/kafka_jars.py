"""Apache Kafka's jars: fetched by Maven once, held against SHA256SUMS, and started fast (AppCDS)."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent / "kafka"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_MAVEN_TIMEOUT_S = 240
FLAGS = (
    "-Xms64m", "-Xmx256m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
    "-Xshare:auto",
)  # fmt: skip


class NoKafka(Exception):
    """Apache Kafka cannot be started here, and why."""


def cache_folder() -> Path:
    """Where jars and archive are kept from run to run; made when missing."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    sums = hashlib.sha256((HERE / "SHA256SUMS").read_bytes()).hexdigest()[:12]
    folder = Path(home) / "apistatus-tests" / f"kafka-{sums}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time fills the cache."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def java_command() -> list[str]:
    """`java` with flags, class path and, when it could be made, the archive. Raises NoKafka."""
    java = shutil.which("java")
    if java is None:
        raise NoKafka("no java on the PATH")
    folder = cache_folder()
    with locked(folder):
        jars = _jars(folder)
        command = [java, *FLAGS, "-cp", os.pathsep.join(map(str, jars))]
        archive = _archive(folder, java, command)
    return [*command[:-2], f"-XX:SharedArchiveFile={archive}", *command[-2:]] if archive else command


def _jars(folder: Path) -> list[Path]:
    """The jars of SHA256SUMS, each with its right content. Raises NoKafka."""
    pinned = dict(reversed(line.split()) for line in (HERE / "SHA256SUMS").read_text().splitlines())
    lib = folder / "lib"
    if any(not (lib / name).is_file() for name in pinned):
        _fetch(lib)
    jars = sorted(lib.glob("*.jar"))
    wrong = {jar.name for jar in jars if pinned.get(jar.name) != _sha256(jar)} | (
        pinned.keys() - {jar.name for jar in jars}
    )
    if wrong:
        shutil.rmtree(lib)
        raise NoKafka(f"jars that are not the pinned ones: {', '.join(sorted(wrong))}")
    return jars


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(lib: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NoKafka("no mvn on the PATH")
    command = [maven, "-q", "-B", "-f", str(HERE / "pom.xml"), _PLUGIN, "-DincludeScope=runtime",
               f"-DoutputDirectory={lib}"]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_MAVEN_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise NoKafka(f"Maven took longer than {_MAVEN_TIMEOUT_S} s") from error
    if done.returncode:
        raise NoKafka(f"Maven failed: {_first_error(done.stdout + done.stderr)}")


def _first_error(output: str) -> str:
    lines = [line for line in output.splitlines() if "ERROR" in line] or ["no reason given"]
    return lines[0][:300]


def _archive(folder: Path, java: str, command: Sequence[str]) -> Path | None:
    """A class archive for exactly this Java and class path; None when this Java makes none."""
    version = subprocess.run([java, "-version"], capture_output=True, check=True).stderr
    key = hashlib.sha256(version + "\0".join(command).encode()).hexdigest()[:12]
    archive, failed = folder / f"classes-{key}.jsa", folder / f"classes-{key}.failed"
    if archive.is_file():
        return archive
    if failed.exists():
        return None
    from tests.services.kafka_server import record_classes

    try:
        record_classes([*command[:-2], f"-XX:ArchiveClassesAtExit={archive}.new", *command[-2:]])
        Path(f"{archive}.new").rename(archive)
    except (OSError, TimeoutError, NoKafka) as error:
        failed.write_text(str(error))
        return None
    return archive
