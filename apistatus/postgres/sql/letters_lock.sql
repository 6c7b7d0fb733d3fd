-- Those that another command or consumer works on are left out.
select id, coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) as size_bytes
from apistatus.dead_letter
-- include letters_chosen
order by id
limit %(limit)s::bigint
for update skip locked
