-- In the order given, so that no two consumers wait for each other.
insert into apistatus.checks (check_id, name, "group", labels, site, endpoint, defined_at)
select check_id, name, "group", labels, site, endpoint, from_at
from unnest(
    %(check)s::text[], %(name)s::text[], %(group)s::text[], %(labels)s::jsonb[], %(site)s::text[],
    %(endpoint)s::text[], %(from_at)s::timestamptz[]
) with ordinality as new (check_id, name, "group", labels, site, endpoint, from_at, ordinal)
order by ordinal
on conflict (check_id) do nothing
