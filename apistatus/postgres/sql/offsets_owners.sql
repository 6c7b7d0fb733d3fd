select distinct owner_backend, owner_backend_at, owner
from apistatus.kafka_offsets
where cluster_id = %(cluster_id)s and topic = %(topic)s and partition = any(%(partitions)s::integer[])
