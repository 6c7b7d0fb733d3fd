select check_id, location_id, from_at, until_at, reason
from apistatus.gaps
where from_at < %(to_at)s and until_at > %(from_at)s
order by check_id, location_id, from_at
