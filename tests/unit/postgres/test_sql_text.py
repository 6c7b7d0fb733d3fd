"""Migration files are cut into statements, and each knows where in the file it stands."""

from __future__ import annotations

import pytest

from apistatus.errors import ConfigurationError
from apistatus.postgres import migration_files, sql_text


def cut(section: str) -> list[str]:
    return [each.text for each in sql_text.statements(f"-- migrate:up\n{section}", "0001_x.sql")]


@pytest.mark.parametrize(
    "text",
    [
        "select ';'",
        "select 'it''s; so'",
        r"select E'a\'; b'",
        'select 1 as "a;""b"',
        "select $$ ; $$",
        "create function f() returns void language plpgsql as $body$ begin; $$x;$$ end; $body$",
        "select 1 /* ; /* nested ; */ ; */ + 1",
        "select 1 -- ; comment\n + 1",
        "select $1",
        "select a$b$c",
    ],
)
def test_a_semicolon_inside_something_ends_nothing(text: str) -> None:
    assert cut(f"{text};\nselect 2;") == [text, "select 2"]


def test_comments_between_statements_belong_to_none() -> None:
    assert cut("-- one\nselect 1;\n/* two; */ ;\n\n-- end\n") == ["select 1"]


def test_the_last_statement_needs_no_semicolon() -> None:
    assert cut("select 1;\nselect 2") == ["select 1", "select 2"]


def test_the_down_section_is_not_read() -> None:
    assert cut("select 1;\n-- migrate:down\ndrop table x;") == ["select 1"]


def test_a_statement_knows_its_line_and_column() -> None:
    text = "-- title\n-- migrate:up\n\nselect 1;\n  select\n    oops;\n"
    first, second = sql_text.statements(text, "0001_x.sql")
    assert (first.line, first.column) == (4, 1)
    assert (second.line, second.column) == (5, 3)
    assert second.position(second.text.index("oops") + 1) == (6, 5)
    assert second.position(1) == (5, 3)
    assert second.position(3) == (5, 5)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("select 1;", "0001_x.sql:1:1"),
        ("-- migrate:down\n-- migrate:up\n", "0001_x.sql:1:1"),
        ("-- migrate:up\n-- migrate:up\n", "0001_x.sql:1:1"),
        ("-- title\n-- migrate:up transaction:false\nselect 1", "0001_x.sql:2:1"),
    ],
)
def test_a_file_without_a_clear_up_section_is_refused_with_its_place(text: str, where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        list(sql_text.statements(text, "0001_x.sql"))
    assert str(caught.value).startswith(where)


def test_every_file_of_this_version_can_be_cut_and_has_a_way_down() -> None:
    for migration in migration_files.packaged():
        assert all(each.text for each in sql_text.statements(migration.text, migration.file))
        assert "\n-- migrate:down\n" in migration.text
