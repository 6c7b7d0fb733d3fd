select
    s.location_id, apistatus.status_name(s.status), s.since_at, s.verdict_at, s.total_us, s.error, s.unknown_since_at,
    s.seen_at
from apistatus.check_state s
where s.check_id = %s
