select
    p.number, date_trunc(%(step)s, r.scheduled_at, 'UTC'),
    count(*) filter (where r.status = 0),
    count(*) filter (where r.status = 1),
    count(*) filter (where r.status = 2),
    count(*) filter (where r.status = 3),
    count(*) filter (where r.status = 4),
    count(r.sla_ms) filter (where r.status <= 2),
    count(*) filter (where r.status <= 1 and r.total_us <= r.sla_ms * 1000::bigint),
    count(r.total_us) filter (where r.status <= 1),
    coalesce(sum(r.total_us) filter (where r.status <= 1), 0),
    max(r.total_us) filter (where r.status <= 1),
    coalesce(
        array_agg(apistatus.time_bucket(r.total_us) * 4194304 + 1)
            filter (where r.status <= 1 and r.total_us is not null),
        '{}')
from unnest(
    %(numbers)s::integer[], %(checks)s::integer[], %(locations)s::smallint[], %(from_at)s::timestamptz[],
    %(to_at)s::timestamptz[]
) as p (number, check_id, location_id, from_at, to_at)
cross join lateral (
    select r.scheduled_at, r.status, r.total_us, r.sla_ms
    from apistatus.results r
    where r.check_id = p.check_id and r.location_id = p.location_id
        and r.scheduled_at >= p.from_at and r.scheduled_at < p.to_at
        -- Once more for all pieces together, so that days without any of them are not even opened.
        and r.scheduled_at >= %(least_at)s and r.scheduled_at < %(most_at)s
) r
group by 1, 2
