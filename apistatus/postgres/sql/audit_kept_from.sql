-- The beginning of the oldest partition: what was before it is no longer kept.
select min(to_timestamp(right(p.relname, 8), 'YYYYMMDD'))
from pg_inherits i
join pg_class p on p.oid = i.inhrelid
where i.inhparent = 'apistatus.results'::regclass and p.relname ~ '^results_[0-9]{8}$'
