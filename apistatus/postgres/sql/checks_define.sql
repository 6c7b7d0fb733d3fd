update apistatus.checks set
    name = %(name)s, "group" = %(group)s, labels = %(labels)s, site = %(site)s, endpoint = %(endpoint)s,
    defined_at = %(from_at)s
where id = %(check_id)s and defined_at <= %(from_at)s
