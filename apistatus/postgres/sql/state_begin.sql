-- Checks that were never seen at this location.
insert into apistatus.check_state (
    check_id, location_id, seen_at, verdict_at, since_at, unknown_since_at, certificate_expires_at, status,
    total_us, failure, value, error)
select
    check_id, location_id, seen_at, verdict_at, since_at, unknown_since_at, certificate_expires_at, status,
    total_us, failure, value, error
from pg_temp.folded_checks
on conflict (check_id, location_id) do nothing
