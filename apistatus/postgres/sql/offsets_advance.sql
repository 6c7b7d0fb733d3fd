select apistatus.advance_offsets(
    %(cluster_id)s, %(topic)s, %(partitions)s::integer[], %(epochs)s::bigint[], %(expected)s::bigint[],
    %(next)s::bigint[], %(recent)s::smallint[])
