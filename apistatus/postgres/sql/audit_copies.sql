-- All of the key, of every partition of the time, through no index: what counts is what is there.
select check_id, location_id, scheduled_at, count(*)
from apistatus.results
where scheduled_at >= %(begin_at)s and scheduled_at < %(to_at)s
    and (%(only)s::integer[] is null or check_id = any(%(only)s::integer[]))
group by check_id, location_id, scheduled_at
having count(*) > 1
