select apistatus.summarize_day((%s::timestamptz at time zone 'UTC')::date)
