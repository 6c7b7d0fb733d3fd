-- A person has dealt with dead letters: `consume` counts the bad messages anew. In the order of
-- apistatus.advance_offsets, or the two may deadlock.
update apistatus.kafka_offsets o set recent = null
from (
    select cluster_id, topic, partition
    from apistatus.kafka_offsets
    where recent is not null
    order by cluster_id, topic, partition
    for update
) l
where o.cluster_id = l.cluster_id and o.topic = l.topic and o.partition = l.partition
