select topic, partition, from_offset, until_offset, found_at
from apistatus.lost_messages
where found_at >= %(begin_at)s
order by topic, partition, from_offset
