insert into apistatus.dirty_hours as d (hour, writer)
select hour, %(writer)s from unnest(%(hours)s::timestamptz[]) as hour order by hour
on conflict (hour, writer) do update set marked_at = now()
