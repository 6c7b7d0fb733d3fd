-- Verdicts after the hour, in hours that are added up already, which may be a change no longer, or one only now: of
-- checks with another course of the hour than before, the first one after it and after each later hour that has still
-- to be added up. In such an hour itself, all is found out when its turn comes.
with waiting as (
    select %(hour)s::timestamptz as hour
    union
    select d.hour from apistatus.dirty_hours d where d.hour > %(hour)s
),
ends as (
    select w.hour + interval '1 hour' as at
    from waiting w
    where not exists (select from waiting o where o.hour = w.hour + interval '1 hour')
),
following as (
    select distinct p.check_id, p.location_id, f.*
    from unnest(%(check_ids)s::integer[], %(location_ids)s::smallint[]) as p (check_id, location_id)
    cross join ends e
    cross join lateral (
        select r.scheduled_at, r.status, r.failure, r.status_code, r.total_us, r.error
        from apistatus.results r
        where r.check_id = p.check_id and r.location_id = p.location_id and r.scheduled_at >= e.at and r.status <= 2
        order by r.scheduled_at
        limit 1
    ) f
),
judged as (
    select f.*, coalesce(b.status, c.status) as before
    from following f
    left join lateral (
        select r.status
        from apistatus.results r
        where r.check_id = f.check_id and r.location_id = f.location_id and r.scheduled_at < f.scheduled_at
            and r.status <= 2
        order by r.scheduled_at desc
        limit 1
    ) b on true
    left join lateral (
        select c.status
        from apistatus.status_changes c
        where b.status is null and c.check_id = f.check_id and c.location_id = f.location_id and c.at < f.scheduled_at
        order by c.at desc
        limit 1
    ) c on true
),
gone as (
    delete from apistatus.status_changes c
    using judged f
    where c.check_id = f.check_id and c.location_id = f.location_id and c.at = f.scheduled_at
        and f.status is not distinct from f.before
)
insert into apistatus.status_changes (
    at, check_id, location_id, status, failure, status_code, total_us, error
)
select scheduled_at, check_id, location_id, status, failure, status_code, total_us, error
from judged
where status is distinct from before
on conflict do nothing
