select
    reason, count(*), count(*) filter (where forwarded_at is not null),
    count(*) filter (where replayed_at is not null), count(*) filter (where discarded_at is not null)
from apistatus.dead_letter
where received_at >= %(begin_at)s
group by reason
order by reason
