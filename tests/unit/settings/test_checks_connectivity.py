"""`connectivity` of the reader file: what it adds up to, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.settings.connectivity import MAX_REFERENCES
from tests.unit.settings.readers import load_all, mistakes, mistakes_in

CHECKS = "readers: [{name: Home, url: https://www.example.com/}]\n"


def references(folder: Path, text: str, environ: dict[str, str] | None = None) -> tuple[str, ...]:
    path = folder / "readers.yml"
    path.write_text(text + CHECKS, encoding="utf-8")
    return load_all(path, environ).connectivity


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("", ()),
        ("connectivity: null\n", ()),
        ("connectivity: http://192.0.2.1\n", ("http://192.0.2.1/",)),
        ("connectivity: [http://192.0.2.1?a=b]\n", ("http://192.0.2.1/?a=b",)),
        (
            "connectivity: [http://192.0.2.1/, https://www.example.com/health]\n",
            ("http://192.0.2.1/", "https://www.example.com/health"),
        ),
        ("connectivity: [http://192.0.2.1/, 'http://192.0.2.1/', http://192.0.2.1]\n", ("http://192.0.2.1/",)),
        ("connectivity: ['http://${GATEWAY}/', 'http://${OTHER:-192.0.2.2}/']\n",
         ("http://192.0.2.1/", "http://192.0.2.2/")),
    ],
)  # fmt: skip
def test_references_are_urls(tmp_path: Path, text: str, urls: tuple[str, ...]) -> None:
    assert references(tmp_path, text, {"GATEWAY": "192.0.2.1"}) == urls


def test_those_of_a_directory_and_of_includes_add_up(tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    (folder / "more").mkdir(parents=True)
    (folder / "a.yml").write_text("connectivity: [http://192.0.2.1/]\ninclude: more/*.yml\n" + CHECKS)
    (folder / "more" / "x.yml").write_text("connectivity: [http://192.0.2.2/, http://192.0.2.1/]\n")
    (folder / "b.yml").write_text("connectivity: http://192.0.2.3/\n")
    found = load_all(folder)
    assert found.connectivity == ("http://192.0.2.1/", "http://192.0.2.2/", "http://192.0.2.3/")
    assert len(found.checks) == 1


def test_a_file_of_references_alone_has_no_checks(tmp_path: Path) -> None:
    (said,) = mistakes_in(tmp_path, "connectivity: [http://192.0.2.1/]\n")
    assert said == "readers.yml:1:1: no checks in it; list them under `readers`"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("connectivity: []\n", "1:15: connectivity: must name at least one URL; write null for none"),
        ("connectivity:\n", "1:14: connectivity: has no value; write null for none, or leave the key out"),
        ("connectivity: {url: http://a.example/}\n",
         "1:15: connectivity: must be a single value, not a list or mapping"),
        ("conectivity: http://a.example/\n", "1:1: conectivity: unknown key; did you mean connectivity?"),
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert mistakes_in(tmp_path, text + CHECKS) == [f"readers.yml:{said}"]


def test_more_than_a_few_are_refused_where_they_are_too_many(tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    urls = [f"http://192.0.2.{number}/" for number in range(MAX_REFERENCES + 1)]
    (folder / "a.yml").write_text(f"connectivity: [{', '.join(urls[:-1])}]\n" + CHECKS)
    assert len(load_all(folder).connectivity) == MAX_REFERENCES
    (folder / "b.yml").write_text(f"\nconnectivity: [{urls[-1]}]\n")
    assert mistakes(folder) == [
        "b.yml:2:15: connectivity: more than 16 references, those of other files included; keep a few"
    ]


def test_what_a_variable_brings_in_is_not_shown(tmp_path: Path) -> None:
    text = "connectivity: ['http://192.0.2.1/${TOKEN}', 'nothing${TOKEN}']\n" + CHECKS
    (said,) = mistakes_in(tmp_path, text, {"TOKEN": "s3cret"})
    assert said == "readers.yml:1:45: connectivity[1]: must begin with http:// or https://"
    (tmp_path / "good.yml").write_text(text.replace(", 'nothing${TOKEN}'", ""))
    found = load_all(tmp_path / "good.yml", {"TOKEN": "s3cret"})
    assert found.connectivity == ("http://192.0.2.1/s3cret",)
    assert "s3cret" not in repr(found)
