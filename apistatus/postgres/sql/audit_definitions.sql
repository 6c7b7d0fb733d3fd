select
    v.check_id, v.location_id, c.check_id, l.name, v.from_at, v.until_at, v.interval_ms, v.announced
from apistatus.check_versions v
join apistatus.checks c on c.id = v.check_id
join apistatus.locations l on l.id = v.location_id
order by c.check_id, l.name, v.from_at
