-- Which of our claims another consumer has by now.
select o.partition
from apistatus.kafka_offsets o
join unnest(%(partitions)s::integer[], %(epochs)s::bigint[]) as w (partition, epoch) using (partition)
where o.cluster_id = %(cluster_id)s and o.topic = %(topic)s and o.owner <> %(owner)s and o.epoch >= w.epoch
