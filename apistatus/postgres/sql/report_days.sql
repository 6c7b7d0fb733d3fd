select
    p.number, d.day::timestamp at time zone 'UTC',
    d.up, d.degraded, d.down, d.missed, d.inconclusive, d.sla_judged, d.sla_met, d.measured, d.sum_us, d.max_us, d.histogram
from unnest(
    %(numbers)s::integer[], %(checks)s::integer[], %(locations)s::smallint[], %(from_at)s::timestamptz[],
    %(to_at)s::timestamptz[]
) as p (number, check_id, location_id, from_at, to_at)
join apistatus.rollup_days d
    on d.check_id = p.check_id and d.location_id = p.location_id
    and d.day >= (p.from_at at time zone 'UTC')::date and d.day < (p.to_at at time zone 'UTC')::date
