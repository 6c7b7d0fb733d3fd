-- Sessions of former owners that hold a transaction open: frozen processes, or connections that broke
-- without the server noticing. A process id alone may belong to another session by now.
select count(pg_terminate_backend(a.pid))
from pg_stat_activity a
join unnest(%(backends)s::integer[], %(backends_at)s::timestamptz[]) as b (pid, backend_start)
    using (pid, backend_start)
where a.pid <> pg_backend_pid() and a.xact_start < now() - %(older_than_s)s * interval '1 second'
