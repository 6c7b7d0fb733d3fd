-- Only the marks that were read: a newer one is of rows that may not have been seen.
delete from apistatus.dirty_hours d
using unnest(%(writers)s::integer[], %(versions)s::text[]) as seen (writer, version)
where d.hour = %(hour)s and d.writer = seen.writer and d.xmin::text = seen.version
