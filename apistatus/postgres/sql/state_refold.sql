-- Fold these checks again from their rows. Nothing before `floor` can matter: the caller knows the run
-- of equal verdicts that `floor` lies in, or that it begins at `floor`.
update apistatus.check_state s set
    seen_at = n.seen_at,
    verdict_at = coalesce(n.verdict_at, s.verdict_at),
    since_at = coalesce(n.since_at, s.since_at),
    unknown_since_at = n.unknown_since_at,
    certificate_expires_at = case
        when f.seen_at > s.seen_at then coalesce(f.certificate_expires_at, s.certificate_expires_at)
        else s.certificate_expires_at
    end,
    status = coalesce(n.status, s.status),
    total_us = case when n.status is null then s.total_us else n.total_us end,
    failure = case when n.status is null then s.failure else n.failure end,
    value = case when n.status is null then s.value else n.value end,
    error = case when n.status is null then s.error else n.error end
from (
    select
        m.check_id, m.location_id, newest.seen_at, v.scheduled_at as verdict_at, v.status, v.total_us, v.failure,
        v.value, v.error, u.unknown_since_at,
        case
            when before.scheduled_at is null and v.status = m.status then least(m.since_at, run.began_at)
            else run.began_at
        end as since_at
    from unnest(
        %(check_ids)s::integer[], %(location_ids)s::smallint[], %(floors)s::timestamptz[],
        %(statuses)s::smallint[], %(sinces)s::timestamptz[]
    ) as m (check_id, location_id, floor, status, since_at)
    cross join lateral (
        select max(r.scheduled_at) as seen_at
        from apistatus.results r
        where r.check_id = m.check_id and r.location_id = m.location_id and r.scheduled_at >= m.floor
    ) newest
    left join lateral (
        select r.scheduled_at, r.status, r.total_us, r.failure, r.value, r.error
        from apistatus.results r
        where r.check_id = m.check_id and r.location_id = m.location_id and r.scheduled_at >= m.floor
            and r.status <= 2
        order by r.scheduled_at desc
        limit 1
    ) v on true
    left join lateral (
        select r.scheduled_at
        from apistatus.results r
        where r.check_id = m.check_id and r.location_id = m.location_id and r.scheduled_at >= m.floor
            and r.scheduled_at < v.scheduled_at and r.status <= 2 and r.status <> v.status
        order by r.scheduled_at desc
        limit 1
    ) before on true
    left join lateral (
        select min(r.scheduled_at) as began_at
        from apistatus.results r
        where r.check_id = m.check_id and r.location_id = m.location_id and r.scheduled_at >= m.floor
            and r.scheduled_at > coalesce(before.scheduled_at, '-infinity') and r.status <= 2
    ) run on true
    left join lateral (
        select min(r.scheduled_at) as unknown_since_at
        from apistatus.results r
        where r.check_id = m.check_id and r.location_id = m.location_id and r.scheduled_at >= m.floor
            and r.scheduled_at > coalesce(v.scheduled_at, '-infinity')
    ) u on true
) n
join pg_temp.folded_checks f using (check_id, location_id)
where s.check_id = n.check_id and s.location_id = n.location_id and n.seen_at is not null
