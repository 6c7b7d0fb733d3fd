-- In the order given, so that no two consumers wait for each other.
insert into apistatus.check_versions (
    check_id, location_id, from_at, interval_ms, sla_ms, announced, name, "group", labels, site, endpoint, producer)
select check_id, location_id, from_at, interval_ms, sla_ms, false, name, "group", labels, site, endpoint, producer
from unnest(
    %(check_id)s::integer[], %(location_id)s::smallint[], %(from_at)s::timestamptz[], %(interval_ms)s::integer[],
    %(sla_ms)s::integer[], %(name)s::text[], %(group)s::text[], %(labels)s::jsonb[], %(site)s::text[],
    %(endpoint)s::text[], %(producer)s::text[]
) with ordinality as new (
    check_id, location_id, from_at, interval_ms, sla_ms, name, "group", labels, site, endpoint, producer, ordinal)
where not exists (
    select from apistatus.check_versions old
    where old.check_id = new.check_id and old.location_id = new.location_id)
order by ordinal
on conflict do nothing
