-- Only checks whose verdicts of the hour are not all the one in force before it are looked at row by row.
insert into apistatus.status_changes (
    at, check_id, location_id, status, failure, status_code, total_us, error
)
select v.scheduled_at, p.check_id, p.location_id, v.status, v.failure, v.status_code, v.total_us, v.error
from (
    select h.check_id, h.location_id, b.status as before
    from apistatus.rollup_hours h
    left join lateral (
        select c.status
        from apistatus.status_changes c
        where c.check_id = h.check_id and c.location_id = h.location_id and c.at < %(hour)s
        order by c.at desc
        limit 1
    ) b on true
    where h.hour = %(hour)s and h.up + h.degraded + h.down > 0
        and case h.up + h.degraded + h.down when h.up then 0 when h.degraded then 1 when h.down then 2 else -1 end
            is distinct from b.status
) p
cross join lateral (
    select
        r.scheduled_at, r.status, r.failure, r.status_code, r.total_us, r.error,
        lag(r.status, 1, p.before) over (order by r.scheduled_at) as previous
    from apistatus.results r
    where r.check_id = p.check_id and r.location_id = p.location_id
        and r.scheduled_at >= %(hour)s and r.scheduled_at < %(end)s and r.status <= 2
) v
where v.status is distinct from v.previous
returning check_id, location_id
