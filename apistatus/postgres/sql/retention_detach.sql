select apistatus.detach_results((now() at time zone 'UTC')::date - %s::integer)
