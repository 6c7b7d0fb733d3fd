select name, id from apistatus.locations where name = any(%s::text[])
