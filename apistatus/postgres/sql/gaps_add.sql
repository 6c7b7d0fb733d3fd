insert into apistatus.gaps as g (check_id, location_id, from_at, until_at, producer, reason)
values (%(check_id)s, %(location_id)s, %(from_at)s, %(until_at)s, %(producer)s, %(reason)s)
on conflict (check_id, location_id, from_at) do update set
    until_at = excluded.until_at, producer = excluded.producer, reason = excluded.reason
where excluded.until_at > g.until_at
