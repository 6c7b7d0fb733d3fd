-- The topic was made again: whoever still reads the former one is fenced.
update apistatus.kafka_offsets
set epoch = epoch + 1, next_offset = null, stored_at = null, recent = null, topic_id = %(topic_id)s
where topic = %(topic)s and cluster_id = %(cluster_id)s and topic_id <> %(topic_id)s
