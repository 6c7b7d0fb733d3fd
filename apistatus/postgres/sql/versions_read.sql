select
    check_id, location_id, from_at, until_at, announced, producer, name, "group", labels, site, endpoint,
    interval_ms, sla_ms
from apistatus.check_versions
join unnest(%(check_ids)s::integer[], %(location_ids)s::smallint[]) as pair (check_id, location_id)
    using (check_id, location_id)
order by check_id, location_id, from_at
