-- Hours that are over and have rows newer than their rollup, oldest first, and the mark of each writer as it is now.
-- Hours whose rows were dropped keep the rollup they have: then nothing is to be added up.
select
    d.hour, array_agg(d.writer), array_agg(d.xmin::text),
    d.hour >= coalesce((select r.kept_from from apistatus.retention r), '-infinity')
from apistatus.dirty_hours d
where d.hour + interval '1 hour' <= now()
group by d.hour
order by d.hour
