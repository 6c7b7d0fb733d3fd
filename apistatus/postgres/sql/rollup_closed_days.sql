-- Days that are over, whose hours are all added up.
select d.day
from apistatus.dirty_days d
where (d.day + 1)::timestamp at time zone 'UTC' <= now()
    and not exists (select from apistatus.open_hours o where (o.hour at time zone 'UTC')::date = d.day)
order by d.day
