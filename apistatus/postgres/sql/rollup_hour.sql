insert into apistatus.rollup_hours as h (
    hour, check_id, location_id, up, degraded, down, missed, inconclusive, sla_judged, sla_met, measured, sum_us, max_us,
    histogram
)
select
    %(hour)s, check_id, location_id,
    coalesce(sum(count) filter (where status = 0), 0),
    coalesce(sum(count) filter (where status = 1), 0),
    coalesce(sum(count) filter (where status = 2), 0),
    coalesce(sum(count) filter (where status = 3), 0),
    coalesce(sum(count) filter (where status = 4), 0),
    coalesce(sum(judged) filter (where status <= 2), 0),
    coalesce(sum(met) filter (where status <= 1), 0),
    coalesce(sum(count) filter (where bucket is not null), 0),
    coalesce(sum(sum_us) filter (where bucket is not null), 0),
    max(max_us) filter (where bucket is not null),
    coalesce(array_agg((bucket * 4194304 + count)::integer) filter (where bucket is not null), '{}')
from (
    select
        r.check_id, r.location_id, r.status,
        case when r.status <= 1 then apistatus.time_bucket(r.total_us) end as bucket,
        count(*) as count,
        count(r.sla_ms) as judged,
        count(*) filter (where r.total_us <= r.sla_ms * 1000::bigint) as met,
        sum(r.total_us) as sum_us,
        max(r.total_us) as max_us
    from apistatus.results r
    where r.scheduled_at >= %(hour)s and r.scheduled_at < %(end)s
    group by r.check_id, r.location_id, r.status, bucket
) g
group by check_id, location_id
on conflict (check_id, location_id, hour) do update set
    up = excluded.up, degraded = excluded.degraded, down = excluded.down, missed = excluded.missed,
    inconclusive = excluded.inconclusive, sla_judged = excluded.sla_judged, sla_met = excluded.sla_met,
    measured = excluded.measured, sum_us = excluded.sum_us, max_us = excluded.max_us, histogram = excluded.histogram
