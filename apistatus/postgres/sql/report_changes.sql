-- Changes of the time, the last one before it, and of hours whose changes are not found yet every verdict that
-- differs from the one before it in that hour.
select c.check_id, c.location_id, c.at, c.status, c.failure, c.status_code, c.total_us, c.error
from apistatus.status_changes c
where c.check_id = any(%(checks)s::integer[]) and c.at >= %(from_at)s and c.at < %(to_at)s
    and not exists (select from apistatus.open_hours o where o.hour = date_trunc('hour', c.at, 'UTC'))
union all
select s.check_id, s.location_id, c.at, c.status, c.failure, c.status_code, c.total_us, c.error
from apistatus.check_state s
cross join lateral (
    select c.at, c.status, c.failure, c.status_code, c.total_us, c.error
    from apistatus.status_changes c
    where c.check_id = s.check_id and c.location_id = s.location_id and c.at < %(from_at)s
        and not exists (select from apistatus.open_hours o where o.hour = date_trunc('hour', c.at, 'UTC'))
    order by c.at desc
    limit 1
) c
where s.check_id = any(%(checks)s::integer[])
union all
select v.check_id, v.location_id, v.scheduled_at, v.status, v.failure, v.status_code, v.total_us, v.error
from unnest(%(open_hours)s::timestamptz[]) as o (hour)
cross join lateral (
    select
        r.check_id, r.location_id, r.scheduled_at, r.status, r.failure, r.status_code, r.total_us, r.error,
        lag(r.status) over (partition by r.check_id, r.location_id order by r.scheduled_at) as previous
    from apistatus.results r
    where r.scheduled_at >= o.hour and r.scheduled_at < o.hour + interval '1 hour' and r.status <= 2
        and r.check_id = any(%(checks)s::integer[])
        and r.scheduled_at >= %(least_at)s and r.scheduled_at < %(to_at)s
) v
where v.status is distinct from v.previous
order by 1, 2, 3
