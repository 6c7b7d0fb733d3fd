update apistatus.dead_letter set discarded_at = now()
where id in (
    select id
    from apistatus.dead_letter
    -- include letters_chosen
    order by id
    limit %(limit)s::bigint
    for update
)
