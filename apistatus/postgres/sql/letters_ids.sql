select id
from apistatus.dead_letter
-- include letters_chosen
order by id
limit %(limit)s::bigint
