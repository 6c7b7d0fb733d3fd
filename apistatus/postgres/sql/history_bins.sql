-- Half hours of a check's last day: how many ticks worked, how many did not, and the mean time of those that did.
select
    date_bin('30 minutes', r.scheduled_at, 'epoch'),
    count(*) filter (where r.status <= 1),
    count(*) filter (where r.status = 2),
    avg(r.total_us) filter (where r.status <= 1)
from apistatus.results r
where r.check_id = %(check)s and r.location_id = %(location)s
    and r.scheduled_at >= %(from_at)s and r.scheduled_at < %(to_at)s
group by 1
