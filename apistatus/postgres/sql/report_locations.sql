select l.id, l.name from apistatus.locations l
