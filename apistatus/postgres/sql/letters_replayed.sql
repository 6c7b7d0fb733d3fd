update apistatus.dead_letter set replayed_at = now(), attempts = attempts + 1 where id = any(%s::bigint[])
