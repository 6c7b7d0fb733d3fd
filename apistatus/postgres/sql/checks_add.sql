insert into apistatus.checks (check_id, name, "group", labels, site, endpoint, defined_at)
values (%(check)s, %(name)s, %(group)s, %(labels)s, %(site)s, %(endpoint)s, %(from_at)s)
on conflict (check_id) do nothing
