select c.id, c.check_id, c.name, c."group", c.labels from apistatus.checks c
