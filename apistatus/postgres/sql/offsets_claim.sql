-- `epochs`: of the claims that we had; 0 for none. `of_anybody`: also what another consumer owns by now. An
-- epoch lower than that of our own claim shows that the database went back in time.
insert into apistatus.kafka_offsets as o (
    cluster_id, topic, partition, epoch, consumer_group, topic_id, owner, owner_backend, owner_backend_at)
select
    %(cluster_id)s, %(topic)s, w.partition, w.epoch + 1, %(group)s, %(topic_id)s, %(owner)s, a.pid, a.backend_start
from unnest(%(partitions)s::integer[], %(epochs)s::bigint[]) as w (partition, epoch), pg_stat_activity a
where a.pid = pg_backend_pid()
order by w.partition
on conflict (cluster_id, topic, partition) do update set
    epoch = greatest(o.epoch, excluded.epoch - 1) + 1,
    topic_id = coalesce(excluded.topic_id, o.topic_id),
    owner = excluded.owner,
    owner_backend = excluded.owner_backend,
    owner_backend_at = excluded.owner_backend_at,
    claimed_at = now()
where o.consumer_group = excluded.consumer_group
    and (%(of_anybody)s or o.owner = excluded.owner or o.epoch < excluded.epoch - 1)
returning partition, epoch, next_offset, stored_at, recent
