select distinct check_id, location_id
from apistatus.check_versions
join unnest(%(check_ids)s::integer[], %(location_ids)s::smallint[]) as pair (check_id, location_id)
    using (check_id, location_id)
