"""`${...}` in values: variables, defaults, files, and what stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.settings.interpolation import Variables, masked
from tests.unit.settings.readers import home, load_one, mistakes_in

ENVIRON = {"A": "one", "EMPTY": "", "YAML": "x: [1, 2]\n- y", "DOLLAR": "${A}", "N": "5", "ON": "false"}


def replaced(text: str, folder: Path = Path()) -> str:
    return Variables(ENVIRON).replaced(text, folder)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "one"), ("a${A}b${A}", "aonebone"), ("${EMPTY}", ""), ("${EMPTY:-two}", "two"),
        ("${NONE:-two}", "two"), ("${NONE:-}", ""), ("${A:-two}", "one"), ("${A:?say}", "one"),
        ("$${A}", "${A}"), ("$$${A}", "$${A}"), ("$${", "${"), ("$", "$"),
        ("$A $$ {A} $.b[0]", "$A $$ {A} $.b[0]"),
        ("^a$", "^a$"), ("${DOLLAR}", "${A}"), ("${NONE:-a:b - c}", "a:b - c"), ("${NONE:-a\nb}", "a\nb"),
    ],
)  # fmt: skip
def test_what_a_text_becomes(text: str, value: str) -> None:
    assert replaced(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NONE}", "the variable NONE is not set; set it, or write ${NONE:-default}"),
        ("${NONE:?ask Anna}", "the variable NONE is not set: ask Anna"),
        ("${EMPTY:?}", "set the variable EMPTY"),
        ("${A", "`${` without its `}`"),
        ("${A:-{}}", "`${` without its `}`"),
        ("${}", "cannot read `${}`; write ${VAR}"),
        ("${1A}", "cannot read `${1A}`; write ${VAR}"),
        ("${A-b}", "cannot read `${A-b}`; write ${VAR}"),
        ("${file:nowhere}", "cannot read nowhere: no such file or directory"),
        ("${file:~nobody-of-this-name/x}", "begins with ~, but the home directory is not known"),
    ],
)
def test_what_cannot_be_replaced(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared below
        replaced(text)
    assert str(caught.value).startswith(message)


def test_a_file_is_read_without_its_last_newline_and_once(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("first\n")
    variables = Variables({})
    assert variables.replaced("Bearer ${file:token}", tmp_path) == "Bearer first"
    secret.write_text("second\n")
    assert variables.replaced(f"${{file:{secret}}}", Path("/")) == "first"


def test_a_variable_that_is_no_text_is_refused() -> None:
    variables = Variables({"LATIN": "caf\udce9", "UTF8": "café"})
    assert variables.replaced("${UTF8}", Path()) == "café"
    with pytest.raises(ValueError, match="the variable LATIN is not UTF-8 text"):
        variables.replaced("${LATIN}", Path())


def test_what_is_put_in_never_becomes_yaml(tmp_path: Path) -> None:
    check = home(tmp_path, "labels: {a: '${N}'}, body: '${YAML}', json_path: $.a", ENVIRON)
    assert check.body == b"x: [1, 2]\n- y"
    assert check.labels == {"a": "5"}


def test_numbers_and_words_may_come_from_variables(tmp_path: Path) -> None:
    text = """
readers:
  - name: Home ${N}
    url: http://a
    sla_ms: ${N}
    enabled: "${ON}"
    retries: ${R:-2}
"""
    check = load_one(tmp_path, text, ENVIRON)
    assert (check.name, check.id, check.sla_ms, check.enabled, check.retries) == (
        "Home 5",
        "home-5",
        5,
        False,
        2,
    )


def test_a_value_out_of_a_variable_is_held_against_the_same_rules(tmp_path: Path) -> None:
    text = "readers: [{name: A, url: '${U}', sla_ms: '${M}', headers: {X: '${L}'}}]"
    said = mistakes_in(tmp_path, text, {"U": "ftp://a", "M": "0", "L": "a\nInjected: b"})
    assert [line.split(": ")[1] for line in said] == [
        "readers[0].url",
        "readers[0].sla_ms",
        "readers[0].headers.X",
    ]


def test_masking_keeps_every_other_character_in_its_place() -> None:
    assert masked("a${B}c$${d") == "a\0\0\0\0c\0\0\0d"
