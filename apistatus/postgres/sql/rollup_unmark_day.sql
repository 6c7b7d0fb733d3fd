delete from apistatus.dirty_days where day = %s
