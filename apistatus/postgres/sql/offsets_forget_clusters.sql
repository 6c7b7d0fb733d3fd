delete from apistatus.kafka_offsets where topic = %(topic)s and cluster_id <> %(cluster_id)s
