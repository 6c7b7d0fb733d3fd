insert into apistatus.lost_messages (cluster_id, topic, topic_id, partition, from_offset, until_offset)
values (%(cluster_id)s, %(topic)s, %(topic_id)s, %(partition)s, %(from_offset)s, %(until_offset)s)
on conflict (cluster_id, topic, topic_id, partition, from_offset) do nothing
