select apistatus.pack_day()
