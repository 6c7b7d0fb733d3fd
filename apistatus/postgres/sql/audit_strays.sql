-- Rows at no tick of the definition in force, told apart: at ticks of another one of the check, or of none.
with spans as materialized (
    select *
    from unnest(
        %(checks)s::integer[], %(locations)s::smallint[], %(from_at)s::timestamptz[],
        %(until_at)s::timestamptz[], %(first_at)s::timestamptz[], %(interval_us)s::bigint[],
        %(announced)s::boolean[]
    ) as s (check_id, location_id, from_at, until_at, first_at, interval_us, announced)
),
formulas as materialized (
    select *
    from unnest(
        %(formula_checks)s::integer[], %(formula_locations)s::smallint[], %(tick_at)s::timestamptz[],
        %(formula_interval_us)s::bigint[]
    ) as f (check_id, location_id, tick_at, interval_us)
),
strays as (
    select r.check_id, r.location_id, r.scheduled_at
    from apistatus.results r
    join unnest(%(stray_checks)s::integer[], %(stray_locations)s::smallint[]) as pair (check_id, location_id)
        using (check_id, location_id)
    left join spans s
        on s.check_id = r.check_id and s.location_id = r.location_id
        and r.scheduled_at >= s.from_at and r.scheduled_at < s.until_at
    where r.scheduled_at >= %(begin_at)s and r.scheduled_at < %(to_at)s and r.flags & 32 = 0
        and case
            when s.check_id is null then true
            else s.announced and round(
                date_part('epoch', r.scheduled_at - s.first_at) * 1000000)::bigint %% s.interval_us <> 0
        end
)
select check_id, location_id, of_another, count(*), min(scheduled_at), max(scheduled_at)
from (
    select t.*, exists (
        select
        from formulas f
        where f.check_id = t.check_id and f.location_id = t.location_id
            and round(date_part('epoch', t.scheduled_at - f.tick_at) * 1000000)::bigint %% f.interval_us = 0
    ) as of_another
    from strays t
) told
group by check_id, location_id, of_another
order by check_id, location_id, of_another
