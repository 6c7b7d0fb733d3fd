select apistatus.make_partitions(%s::date[])
