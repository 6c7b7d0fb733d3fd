-- Seconds since the first tick are exact in microseconds for 68 years; flag 32 is check-once.
with spans as materialized (
    select *
    from unnest(
        %(numbers)s::integer[], %(checks)s::integer[], %(locations)s::smallint[], %(from_at)s::timestamptz[],
        %(until_at)s::timestamptz[], %(end_at)s::timestamptz[], %(first_at)s::timestamptz[],
        %(interval_us)s::bigint[]
    ) as s (number, check_id, location_id, from_at, until_at, end_at, first_at, interval_us)
),
rows_of_spans as (
    select
        r.check_id, r.location_id, s.number, r.status, r.flags & 32 <> 0 as once,
        r.scheduled_at >= s.end_at as settling,
        round(date_part('epoch', r.scheduled_at - s.first_at) * 1000000)::bigint %% s.interval_us = 0 as at_tick
    from apistatus.results r
    left join spans s
        on s.check_id = r.check_id and s.location_id = r.location_id
        and r.scheduled_at >= s.from_at and r.scheduled_at < s.until_at
    where r.scheduled_at >= %(begin_at)s and r.scheduled_at < %(to_at)s
        and (%(only)s::integer[] is null or r.check_id = any(%(only)s::integer[]))
)
select
    check_id, location_id, number,
    count(*) filter (where not once and not settling and at_tick and status <= 2),
    count(*) filter (where not once and not settling and at_tick and status = 3),
    count(*) filter (where not once and not settling and at_tick and status = 4),
    count(*) filter (where not once and at_tick is not true),
    count(*) filter (where once),
    count(*) filter (where not once and settling and at_tick)
from rows_of_spans
group by check_id, location_id, number
