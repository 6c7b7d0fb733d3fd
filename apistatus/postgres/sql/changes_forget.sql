delete from apistatus.status_changes where at >= %(hour)s and at < %(end)s returning check_id, location_id
