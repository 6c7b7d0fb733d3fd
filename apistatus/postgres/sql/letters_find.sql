select
    id, cluster_id, topic, partition, "offset", received_at, message_at, reason, message, attempts, key, value,
    header_names, header_values, forwarded_at, forward_error, replayed_at, discarded_at
from apistatus.dead_letter
-- include letters_chosen
order by case when %(newest_first)s::boolean then -id else id end
limit %(limit)s::bigint
