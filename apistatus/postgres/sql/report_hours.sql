select
    p.number, date_trunc(%(step)s, h.hour, 'UTC'),
    sum(h.up), sum(h.degraded), sum(h.down), sum(h.missed), sum(h.inconclusive), sum(h.sla_judged), sum(h.sla_met),
    sum(h.measured), sum(h.sum_us)::bigint, max(h.max_us), apistatus.histogram_sum(h.histogram)
from unnest(
    %(numbers)s::integer[], %(checks)s::integer[], %(locations)s::smallint[], %(from_at)s::timestamptz[],
    %(to_at)s::timestamptz[]
) as p (number, check_id, location_id, from_at, to_at)
join apistatus.rollup_hours h
    on h.check_id = p.check_id and h.location_id = p.location_id and h.hour >= p.from_at and h.hour < p.to_at
group by 1, 2
