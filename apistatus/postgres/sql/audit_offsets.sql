select cluster_id, topic, topic_id, partition, next_offset
from apistatus.kafka_offsets
order by topic, partition
