with hours as (
    select * from apistatus.rollup_hours h
    where h.hour >= %(day)s::date::timestamp at time zone 'UTC'
        and h.hour < (%(day)s::date + 1)::timestamp at time zone 'UTC'
),
buckets as (
    select h.check_id, h.location_id, entry >> 22 as bucket, sum(entry & 4194303) as count
    from hours h, unnest(h.histogram) as entry
    group by 1, 2, 3
),
histograms as (
    select check_id, location_id, array_agg((bucket * 4194304 + count)::integer) as histogram
    from buckets
    group by 1, 2
),
sums as (
    select
        check_id, location_id, sum(up) as up, sum(degraded) as degraded, sum(down) as down, sum(missed) as missed,
        sum(inconclusive) as inconclusive, sum(sla_judged) as sla_judged, sum(sla_met) as sla_met,
        sum(measured) as measured, sum(sum_us) as sum_us, max(max_us) as max_us
    from hours
    group by 1, 2
)
insert into apistatus.rollup_days (
    day, check_id, location_id, up, degraded, down, missed, inconclusive, sla_judged, sla_met, measured, sum_us, max_us,
    histogram
)
select
    %(day)s, s.check_id, s.location_id, up, degraded, down, missed, inconclusive, sla_judged, sla_met, measured, sum_us,
    max_us, coalesce(t.histogram, '{}')
from sums s
left join histograms t using (check_id, location_id)
on conflict (check_id, location_id, day) do update set
    up = excluded.up, degraded = excluded.degraded, down = excluded.down, missed = excluded.missed,
    inconclusive = excluded.inconclusive, sla_judged = excluded.sla_judged, sla_met = excluded.sla_met,
    measured = excluded.measured, sum_us = excluded.sum_us, max_us = excluded.max_us, histogram = excluded.histogram
