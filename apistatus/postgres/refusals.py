"""Why a connection failed, told from libpq's words: it passes no code on while it connects.

Texts: PostgreSQL sources, interfaces/libpq and backend/libpq/auth.c. A server that speaks another
language is not understood; then its words are passed on and it counts as away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from apistatus.errors import AccessRefused, ApistatusError, PostgresUnavailable
from apistatus.settings.schema import PostgresSettings


class DatabaseMissing(AccessRefused):
    """The server is there and takes us, but has no such database."""


@dataclass(frozen=True, slots=True)
class RoleVariables:
    """Names of the variables that a connection's values come from, for error texts."""

    user: str
    password: str
    database: str


APP: Final = RoleVariables("PGAPPUSER", "PGAPPPW", "APPDB")
ADMIN: Final = RoleVariables("PGUSER", "PGPW", "PGDB")
ADMIN_OF_RESULTS: Final = RoleVariables("PGUSER", "PGPW", "APPDB")
READ: Final = RoleVariables("PGREADUSER", "PGREADPW", "APPDB")

# What libpq says -> what a person does about it. The first that is found counts: libpq may have tried
# several addresses, and the one that answered says more than one that refused the connection.
_REFUSALS: Final = tuple(
    (re.compile(pattern), advice)
    for pattern, advice in (
        (
            r"password authentication failed",
            "wrong password for role {user}; check {user_var} and {password_var}",
        ),
        (
            r"no password supplied|empty password returned",
            "a password is demanded; set {password_var}, or PGPASSFILE",
        ),
        (
            r'role ".*" does not exist',
            "there is no role {user}; check {user_var}, or run `apistatus migrate`",
        ),
        (r"is not permitted to log in", "role {user} may not log in; check {user_var}, or grant it LOGIN"),
        (
            r"pg_hba.conf (entry|rejects) .*(no encryption|SSL off)",
            "it does not take role {user} from here without TLS; set PGSSLMODE=require, or ask for an entry there",
        ),
        (
            r"no pg_hba.conf entry|pg_hba.conf rejects",
            "the server does not take role {user} from this machine; ask for an entry in its pg_hba.conf",
        ),
        (
            r"permission denied for database",
            "role {user} may not connect to database {database}; grant it CONNECT",
        ),
        (
            r"server does not support SSL",
            "the server has no TLS, but PGSSLMODE={sslmode} demands it; turn it on, or change PGSSLMODE",
        ),
        (
            r"server certificate for .* does not match host name|host name must be specified for a verified",
            "the server's certificate is not for PGHOST={host}; connect by a name that is in it",
        ),
        (
            r"root certificate file .* does not exist|could not read root certificate file",
            "PGSSLMODE={sslmode} needs the server's authority: set PGSSLROOTCERT to its file, or to `system`",
        ),
        (
            r"weak sslmode .* may not be used",
            "PGSSLROOTCERT=system needs PGSSLMODE=verify-full (it is {sslmode})",
        ),
        (
            r"certificate verify failed",
            "the server's certificate is not of the authority in PGSSLROOTCERT, or has expired",
        ),
        (
            r"requires a valid client certificate|certificate required|alert (unknown ca|bad certificate)",
            "the server demands a client certificate; set PGSSLCERT and PGSSLKEY",
        ),
        (
            r"(certificate|private key) file",
            "the client certificate cannot be used; check PGSSLCERT and PGSSLKEY",
        ),
        (
            r"invalid response to SSL negotiation|expected authentication request",
            "what answers there is not PostgreSQL; check PGHOST and PGPORT",
        ),
        (
            r"invalid sslmode value|invalid port number|invalid connection option",
            "a setting of libpq is not valid",
        ),
        (
            r"invalid value for parameter|unrecognized configuration parameter|definition of service .* not found",
            "a setting of PGOPTIONS, PGTZ, PGDATESTYLE or PGSERVICE is not valid",
        ),
        (r"password file .* is not a plain file", "PGPASSFILE cannot be used"),
    )
)
_NO_DATABASE: Final = re.compile(r'database ".*" does not exist')
_AWAY: Final = tuple(
    (re.compile(pattern), advice)
    for pattern, advice in (
        (
            r"starting up|recovery mode|not yet accepting|shutting down|not accepting connections",
            "it is not ready yet",
        ),
        (
            r"could not translate host name|Name or service not known|name resolution|No address associated",
            "its name cannot be resolved; check PGHOST",
        ),
        (r"too many clients|remaining connection slots|too many connections", "it has no connection left"),
        (r"read-only|hot standby", "it takes no writes now (a standby, or a failover is under way)"),
        (r"Connection refused|No such file or directory", "nothing listens there; check PGHOST and PGPORT"),
        (
            r"timeout expired|timed out|No route|unreachable",
            "it does not answer; check PGHOST, PGPORT and the network",
        ),
    )
)


def explain(error: Exception, settings: PostgresSettings, variables: RoleVariables) -> ApistatusError:
    """The exception to raise for a connection that failed: what, where, and what to do."""
    said = str(error)
    facts = {
        "user": settings.user, "user_var": variables.user, "password_var": variables.password,
        "host": settings.host, "database": settings.database, "sslmode": settings.sslmode or "prefer",
    }  # fmt: skip
    where = f"PostgreSQL at {settings.host}:{settings.port}"
    if _NO_DATABASE.search(said):
        return DatabaseMissing(
            f"{where} has no database {settings.database}; check {variables.database}, "
            "or run `apistatus migrate`"
        )
    for pattern, advice in _REFUSALS:
        if pattern.search(said):
            return AccessRefused(f"{where}: {advice.format(**facts)} (it says: {_in_short(said)})")
    for pattern, advice in _AWAY:
        if pattern.search(said):
            return PostgresUnavailable(f"{where}: {advice} (it says: {_in_short(said)})")
    return PostgresUnavailable(
        f"no connection to {where}; check PGHOST and PGPORT (it says: {_in_short(said)})"
    )


def _in_short(said: str) -> str:
    """The last thing said, without the address before it and the advice after it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    spoken = [line for line in lines if "failed:" in line or "FATAL" in line] or lines or ["nothing"]
    return re.sub(r"^.* failed: ", "", spoken[-1])[:300]
