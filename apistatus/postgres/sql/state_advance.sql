-- Rows that are all newer than what was folded before: the fold goes on where it stood.
update apistatus.check_state s set
    seen_at = f.seen_at,
    verdict_at = coalesce(f.verdict_at, s.verdict_at),
    since_at = case
        when f.status is null or (f.status = s.status and f.changed = 0) then s.since_at
        else f.since_at
    end,
    unknown_since_at = case
        when f.status is null then coalesce(s.unknown_since_at, f.unknown_since_at)
        else f.unknown_since_at
    end,
    certificate_expires_at = coalesce(f.certificate_expires_at, s.certificate_expires_at),
    status = coalesce(f.status, s.status),
    total_us = case when f.status is null then s.total_us else f.total_us end,
    failure = case when f.status is null then s.failure else f.failure end,
    value = case when f.status is null then s.value else f.value end,
    error = case when f.status is null then s.error else f.error end
from pg_temp.folded_checks f
where f.check_id = s.check_id and f.location_id = s.location_id and f.first_at > s.seen_at
