select check_id, id from apistatus.checks where check_id = any(%s::text[])
