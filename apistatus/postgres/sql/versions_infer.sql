insert into apistatus.check_versions (
    check_id, location_id, from_at, interval_ms, sla_ms, announced, name, "group", labels, site, endpoint, producer)
select
    %(check_id)s, %(location_id)s, %(from_at)s, %(interval_ms)s, %(sla_ms)s, false, %(name)s, %(group)s,
    %(labels)s, %(site)s, %(endpoint)s, %(producer)s
where not exists (
    select from apistatus.check_versions where check_id = %(check_id)s and location_id = %(location_id)s)
on conflict do nothing
