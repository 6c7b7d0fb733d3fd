select s.check_id, s.location_id, s.seen_at
from unnest(%(check_ids)s::integer[], %(location_ids)s::smallint[]) as w (check_id, location_id)
join apistatus.check_state s using (check_id, location_id)
