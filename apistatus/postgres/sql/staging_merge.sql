-- The first row of a tick stays, but a verdict (0 up, 1 degraded, 2 down) replaces what is none.
-- Gives back the ordinals of the rows that changed nothing.
with written as (
    insert into apistatus.results as r (
        scheduled_at, check_id, start_delay_us, total_us, resolve_us, connect_us, tls_us, processing_us,
        transfer_us, size_bytes, sla_ms, location_id, status, attempts, flags, status_code, failure, phase,
        value, error)
    select
        scheduled_at, check_id, start_delay_us, total_us, resolve_us, connect_us, tls_us, processing_us,
        transfer_us, size_bytes, sla_ms, location_id, status, attempts, flags, status_code, failure, phase,
        value, error
    from pg_temp.staged_results
    on conflict (check_id, location_id, scheduled_at) do update set
        start_delay_us = excluded.start_delay_us, total_us = excluded.total_us,
        resolve_us = excluded.resolve_us, connect_us = excluded.connect_us, tls_us = excluded.tls_us,
        processing_us = excluded.processing_us, transfer_us = excluded.transfer_us,
        size_bytes = excluded.size_bytes, sla_ms = excluded.sla_ms, status = excluded.status,
        attempts = excluded.attempts, flags = excluded.flags, status_code = excluded.status_code,
        failure = excluded.failure, phase = excluded.phase, value = excluded.value, error = excluded.error
    where r.status > 2 and excluded.status <= 2
    returning check_id, location_id, scheduled_at
)
select s.ordinal
from pg_temp.staged_results s
where not exists (
    select from written w
    where w.check_id = s.check_id and w.location_id = s.location_id and w.scheduled_at = s.scheduled_at)
