-- Between two positions that have a row, the ones that have none; a position past the end closes each span.
with spans as materialized (
    select *
    from unnest(
        %(numbers)s::integer[], %(checks)s::integer[], %(locations)s::smallint[], %(end_at)s::timestamptz[],
        %(first_at)s::timestamptz[], %(interval_us)s::bigint[], %(ticks)s::bigint[]
    ) as s (number, check_id, location_id, end_at, first_at, interval_us, ticks)
),
since_first as (
    select
        s.number, s.interval_us, round(date_part('epoch', r.scheduled_at - s.first_at) * 1000000)::bigint as us
    from spans s
    join apistatus.results r on r.check_id = s.check_id and r.location_id = s.location_id
    where r.scheduled_at >= s.first_at and r.scheduled_at < s.end_at and r.flags & 32 = 0
        and r.scheduled_at >= %(begin_at)s and r.scheduled_at < %(to_at)s
),
positions as (
    select number, us / interval_us as position from since_first where us %% interval_us = 0
    union all
    select number, ticks from spans
),
pairs as (
    select
        number, lag(position, 1, -1::bigint) over (partition by number order by position) as before, position
    from positions
)
select number, before + 1, position - 1
from pairs
where position - before > 1
order by number, before
