select apistatus.drop_detached()
