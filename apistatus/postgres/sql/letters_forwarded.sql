update apistatus.dead_letter set forwarded_at = now() where id = any(%s::bigint[])
