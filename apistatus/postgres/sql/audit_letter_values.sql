select value
from apistatus.dead_letter
where received_at >= %(begin_at)s and octet_length(value) between 2 and 65536
