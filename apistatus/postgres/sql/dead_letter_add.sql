insert into apistatus.dead_letter (
    cluster_id, topic, topic_id, partition, "offset", message_at, attempts, reason, message, key, value, header_names,
    header_values)
values (
    %(cluster_id)s, %(topic)s, %(topic_id)s, %(partition)s, %(offset)s, %(message_at)s, %(attempts)s, %(reason)s,
    %(message)s, %(key)b, %(value)b, %(header_names)s::text[], %(header_values)s::bytea[])
on conflict (cluster_id, topic, topic_id, partition, "offset") do nothing
