insert into apistatus.dirty_days (day)
values ((%(hour)s::timestamptz at time zone 'UTC')::date)
on conflict do nothing
