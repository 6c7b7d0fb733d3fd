-- Every check's buckets are collected and then counted by themselves: one large table of all checks and buckets would
-- cost more, because most of its entries stand for one or two rows.
insert into apistatus.rollup_hours as h (
    hour, check_id, location_id, up, degraded, down, missed, inconclusive, sla_judged, sla_met, measured, sum_us, max_us,
    histogram
)
select
    %(hour)s, check_id, location_id, up, degraded, down, missed, inconclusive, sla_judged, sla_met, measured, sum_us, max_us,
    coalesce((
        select array_agg((bucket * 4194304 + count)::integer)
        from (select bucket, count(*) as count from (select unnest(buckets) as bucket) e group by bucket) b
    ), '{}')
from (
    select
        r.check_id, r.location_id,
        count(*) filter (where r.status = 0) as up,
        count(*) filter (where r.status = 1) as degraded,
        count(*) filter (where r.status = 2) as down,
        count(*) filter (where r.status = 3) as missed,
        count(*) filter (where r.status = 4) as inconclusive,
        count(r.sla_ms) filter (where r.status <= 2) as sla_judged,
        count(*) filter (where r.status <= 1 and r.total_us <= r.sla_ms * 1000::bigint) as sla_met,
        count(r.total_us) filter (where r.status <= 1) as measured,
        coalesce(sum(r.total_us) filter (where r.status <= 1), 0) as sum_us,
        max(r.total_us) filter (where r.status <= 1) as max_us,
        array_agg(apistatus.time_bucket(r.total_us)) filter (where r.status <= 1 and r.total_us is not null) as buckets
    from apistatus.results r
    where r.scheduled_at >= %(hour)s and r.scheduled_at < %(end)s
    group by r.check_id, r.location_id
) g
on conflict (check_id, location_id, hour) do update set
    up = excluded.up, degraded = excluded.degraded, down = excluded.down, missed = excluded.missed,
    inconclusive = excluded.inconclusive, sla_judged = excluded.sla_judged, sla_met = excluded.sla_met,
    measured = excluded.measured, sum_us = excluded.sum_us, max_us = excluded.max_us, histogram = excluded.histogram
