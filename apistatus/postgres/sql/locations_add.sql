insert into apistatus.locations (name)
select n from unnest(%s::text[]) as n
where not exists (select from apistatus.locations l where l.name = n)
order by n
on conflict (name) do nothing
