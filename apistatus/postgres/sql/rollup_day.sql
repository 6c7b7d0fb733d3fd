insert into apistatus.rollup_days (
    day, check_id, location_id, up, degraded, down, missed, inconclusive, sla_judged, sla_met, measured, sum_us, max_us,
    histogram
)
select
    %(day)s, check_id, location_id, up, degraded, down, missed, inconclusive, sla_judged, sla_met, measured, sum_us, max_us,
    coalesce((
        select array_agg((bucket * 4194304 + count)::integer)
        from (
            select entry >> 22 as bucket, sum(entry & 4194303) as count
            from (select unnest(histogram) as entry) e
            group by 1
        ) b
    ), '{}')
from (
    select
        check_id, location_id, sum(up) as up, sum(degraded) as degraded, sum(down) as down, sum(missed) as missed,
        sum(inconclusive) as inconclusive, sum(sla_judged) as sla_judged, sum(sla_met) as sla_met,
        sum(measured) as measured, sum(sum_us) as sum_us, max(max_us) as max_us,
        apistatus.histogram_sum(h.histogram) as histogram
    from apistatus.rollup_hours h
    where h.hour >= %(day)s::date::timestamp at time zone 'UTC'
        and h.hour < (%(day)s::date + 1)::timestamp at time zone 'UTC'
    group by check_id, location_id
) d
on conflict (check_id, location_id, day) do update set
    up = excluded.up, degraded = excluded.degraded, down = excluded.down, missed = excluded.missed,
    inconclusive = excluded.inconclusive, sla_judged = excluded.sla_judged, sla_met = excluded.sla_met,
    measured = excluded.measured, sum_us = excluded.sum_us, max_us = excluded.max_us, histogram = excluded.histogram
