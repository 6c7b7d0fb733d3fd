"""Whether the database's schema fits this version, read from the record of applied files."""

from __future__ import annotations

from apistatus.errors import IncompatibleSchema
from apistatus.postgres import migration_files
from apistatus.postgres.connect import Connection
from apistatus.postgres.migration_files import Applied
from apistatus.postgres.statements import statement


def applied(connection: Connection) -> dict[str, Applied] | None:
    """The applied files by version; None when the database has no schema of ours yet."""
    answer = connection.execute(statement("ledger_exists")).fetchone()
    if answer is None or not answer[0]:
        return None
    rows = connection.execute(statement("ledger_read")).fetchall()
    return {row[0]: Applied(*row) for row in rows}


def require_fit(connection: Connection, database: str) -> None:
    """Raises IncompatibleSchema when the schema is missing, too old, too new or altered."""
    found = applied(connection)
    if not found:
        raise IncompatibleSchema(f"database {database} has no schema yet; run: apistatus migrate")
    comparison = migration_files.compare(migration_files.packaged(), found)
    if comparison.drift:
        found_wrong = "\n".join(comparison.drift)
        raise IncompatibleSchema(
            f"the schema of database {database} does not fit this version:\n{found_wrong}"
        )
    if comparison.pending:
        files = ", ".join(migration.file for migration in comparison.pending)
        raise IncompatibleSchema(
            f"the schema of database {database} is older than this version of apistatus (missing: {files}); "
            "run: apistatus migrate"
        )
