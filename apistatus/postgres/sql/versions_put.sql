insert into apistatus.check_versions (
    check_id, location_id, from_at, until_at, announced, interval_ms, sla_ms, name, "group", labels, site, endpoint,
    producer)
values (
    %(check_id)s, %(location_id)s, %(from_at)s, %(until_at)s, %(announced)s, %(interval_ms)s, %(sla_ms)s, %(name)s,
    %(group)s, %(labels)s, %(site)s, %(endpoint)s, %(producer)s)
on conflict (check_id, location_id, from_at) do update set
    until_at = excluded.until_at, announced = excluded.announced, interval_ms = excluded.interval_ms,
    sla_ms = excluded.sla_ms, name = excluded.name, "group" = excluded."group", labels = excluded.labels,
    site = excluded.site, endpoint = excluded.endpoint, producer = excluded.producer
