"""The jars that tests run are the pinned ones, or none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.services import kafka_jars
from tests.services.kafka_jars import NoKafka


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with one pinned jar in it, on a machine without Maven."""
    pins = tmp_path / "pins"
    pins.mkdir()
    (pins / "SHA256SUMS").write_text(f"{hashlib.sha256(b'right').hexdigest()}  a.jar\n")
    monkeypatch.setattr(kafka_jars, "HERE", pins)
    monkeypatch.setenv("PATH", str(tmp_path))
    lib = tmp_path / "cache" / "lib"
    lib.mkdir(parents=True)
    (lib / "a.jar").write_bytes(b"right")
    return tmp_path / "cache"


def test_pinned_jars_are_used_without_maven(folder: Path) -> None:
    assert kafka_jars._jars(folder) == [folder / "lib" / "a.jar"]


def test_a_jar_with_another_content_is_named_and_thrown_away(folder: Path) -> None:
    (folder / "lib" / "a.jar").write_bytes(b"wrong")
    with pytest.raises(NoKafka, match=r"not the pinned ones: a\.jar"):
        kafka_jars._jars(folder)
    assert not (folder / "lib").exists()


def test_a_jar_that_is_not_pinned_is_refused(folder: Path) -> None:
    (folder / "lib" / "b.jar").write_bytes(b"stray")
    with pytest.raises(NoKafka, match=r"b\.jar"):
        kafka_jars._jars(folder)


def test_missing_jars_without_maven_are_said(folder: Path) -> None:
    (folder / "lib" / "a.jar").unlink()
    with pytest.raises(NoKafka, match="no mvn on the PATH"):
        kafka_jars._jars(folder)


def test_the_cache_lies_where_the_user_keeps_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kafka_jars.cache_folder().parent == tmp_path / "apistatus-tests"


def test_every_jar_is_pinned_by_a_checksum() -> None:
    lines = (kafka_jars.HERE / "SHA256SUMS").read_text().splitlines()
    assert len(lines) > 40
    assert all(len(line.split()) == 2 and len(line.split()[0]) == 64 for line in lines)
