select count(*)
from apistatus.dead_letter
-- include letters_chosen
