"""The PostgreSQL groups: which role connects with which password."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.settings.environment import loaded, mistakes, settings


def passwords(**environ: str) -> tuple[str | None, str | None]:
    """Of the administrative and of the application role."""
    found = settings(needs=("postgres",), **environ)
    return found.migrate.admin.password, found.app.password


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ("postgres", "postgres")),
        ({"PGPW": "a"}, ("a", "a")),  # one user: one password
        ({"PGPW": "a", "PGAPPPW": "b"}, ("a", "b")),
        ({"PGPW": "a", "PGAPPUSER": "app"}, ("a", "postgres")),
        ({"PGPW": "a", "PGAPPUSER": "app", "PGAPPPW": "b"}, ("a", "b")),
        ({"PGPASSWORD": "p"}, ("p", "p")),
        ({"PGPASSWORD": "p", "PGPW": "a"}, ("a", "a")),
        ({"PGPASSWORD": "p", "PGPW": "a", "PGAPPUSER": "app"}, ("a", "p")),
        ({"PGPASSWORD": "p", "PGAPPPW": "b"}, ("p", "b")),
    ],
)
def test_which_password_a_role_has(environ: dict[str, str], expected: tuple[str, str]) -> None:
    assert passwords(**environ) == expected


def test_a_password_file_serves_where_no_password_is_set(tmp_path: Path) -> None:
    file = tmp_path / "pgpass"
    file.write_text("*:*:*:*:x\n")
    assert passwords(PGPASSFILE=str(file)) == (None, None)
    assert passwords(PGPASSFILE=str(file), PGPASSWORD="p") == ("p", "p")
    found = loaded(PGPASSFILE=str(file), needs=("postgres",))
    assert found.origins["PGPW"] == found.origins["PGAPPPW"] == "PGPASSFILE"


def test_a_password_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "none"
    assert mistakes(PGPASSFILE=str(file)) == {"PGPASSFILE": f"cannot read {file}: no such file or directory"}


def test_pgdatabase_is_refused_with_a_hint() -> None:
    [(where, message)] = mistakes(PGDATABASE="x").items()
    assert where == "PGDATABASE"
    assert "PGDB is the one `migrate` first connects to" in message
    assert "APPDB the one that holds the results" in message
    assert settings(PGDATABASE="").app.database == "api_statuses"


def test_a_role_of_its_own_is_never_made_with_the_default_password() -> None:
    assert mistakes(PGAPPUSER="app") == {
        "PGAPPPW": "not set: the role PGAPPUSER is not made with a default password; set its password"
    }
    assert mistakes(PGAPPUSER="app", PGPASSWORD="p").keys() == {"PGAPPPW"}
    made = settings(PGAPPUSER="app", PGAPPPW="b").migrate.app_role
    assert (made.user, made.password) == ("app", "b")


def test_a_read_only_role_is_made_when_named() -> None:
    assert settings().migrate.read_role is None
    role = settings(PGREADUSER="reader", PGREADPW="r").migrate.read_role
    assert role is not None
    assert (role.user, role.password) == ("reader", "r")
    role = settings(PGREADUSER="reader").migrate.read_role
    assert role is not None
    assert role.password is None


def test_a_read_only_role_must_be_one_of_its_own() -> None:
    assert mistakes(PGREADPW="r") == {"PGREADUSER": "not set, but PGREADPW is"}
    for user in ("postgres", "app"):
        assert mistakes(PGREADUSER=user, PGAPPUSER="app", PGAPPPW="b") == {
            "PGREADUSER": f"{user} is the name of another role already; name one of its own"
        }


def test_no_password_shows_in_a_repr() -> None:
    shown = repr(settings(PGPW="hunter2", PGREADUSER="reader", PGREADPW="hunter3"))
    assert "hunter" not in shown
