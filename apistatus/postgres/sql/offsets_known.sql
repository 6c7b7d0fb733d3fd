select distinct cluster_id, topic_id, consumer_group from apistatus.kafka_offsets where topic = %s
