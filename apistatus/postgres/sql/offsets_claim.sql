insert into apistatus.kafka_offsets as o (
    cluster_id, topic, partition, epoch, consumer_group, topic_id, owner, owner_backend, owner_backend_at)
select
    %(cluster_id)s, %(topic)s, p, 1, %(group)s, %(topic_id)s, %(owner)s, a.pid, a.backend_start
from unnest(%(partitions)s::integer[]) as p, pg_stat_activity a
where a.pid = pg_backend_pid()
order by p
on conflict (cluster_id, topic, partition) do update set
    epoch = o.epoch + 1,
    topic_id = coalesce(excluded.topic_id, o.topic_id),
    owner = excluded.owner,
    owner_backend = excluded.owner_backend,
    owner_backend_at = excluded.owner_backend_at,
    claimed_at = now()
returning partition, epoch, next_offset
