select has_database_privilege(r.oid, d.oid, %(right)s)
from pg_roles r, pg_database d
where r.rolname = %(role)s and d.datname = %(database)s
