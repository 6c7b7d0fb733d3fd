-- The stored states, and the fold of the rows beside each. A run of equal verdicts is followed back to
-- `begin_at`; beyond, only its first row and the verdict before that are looked at. Rows before `kept_at` are gone.
with broken as (
    select s.check_id, s.location_id
    from apistatus.check_state s
    join apistatus.results r using (check_id, location_id)
    where r.scheduled_at >= %(begin_at)s and r.scheduled_at > s.since_at and r.scheduled_at < s.verdict_at
        and r.status <= 2 and r.status <> s.status
    group by s.check_id, s.location_id
)
select
    s.check_id, s.location_id,
    s.seen_at, newest.scheduled_at,
    s.verdict_at, v.scheduled_at,
    s.unknown_since_at, u.scheduled_at,
    apistatus.status_name(s.status), apistatus.status_name(v.status),
    apistatus.failure_name(s.failure), apistatus.failure_name(v.failure),
    s.total_us, v.total_us,
    s.value is not distinct from v.value, s.error is not distinct from v.error,
    s.since_at,
    broken.check_id is null and (begins.status = v.status or s.since_at < %(kept_at)s)
        and before.status is distinct from v.status as since_fits
from apistatus.check_state s
left join broken using (check_id, location_id)
left join lateral (
    select r.scheduled_at
    from apistatus.results r
    where r.check_id = s.check_id and r.location_id = s.location_id
    order by r.scheduled_at desc
    limit 1
) newest on true
left join lateral (
    select r.scheduled_at, r.status, r.failure, r.total_us, r.value, r.error
    from apistatus.results r
    where r.check_id = s.check_id and r.location_id = s.location_id and r.status <= 2
    order by r.scheduled_at desc
    limit 1
) v on true
left join lateral (
    select r.scheduled_at
    from apistatus.results r
    where r.check_id = s.check_id and r.location_id = s.location_id
        and r.scheduled_at > coalesce(v.scheduled_at, '-infinity')
    order by r.scheduled_at
    limit 1
) u on true
left join lateral (
    select r.status
    from apistatus.results r
    where r.check_id = s.check_id and r.location_id = s.location_id and r.scheduled_at = s.since_at
) begins on true
left join lateral (
    select r.status
    from apistatus.results r
    where r.check_id = s.check_id and r.location_id = s.location_id and r.scheduled_at < s.since_at
        and r.status <= 2
    order by r.scheduled_at desc
    limit 1
) before on true
where %(only)s::integer[] is null or s.check_id = any(%(only)s::integer[])
