delete from apistatus.check_versions
where check_id = %(check_id)s and location_id = %(location_id)s and from_at = %(from_at)s
