-- The states that this transaction has not written: rows came that are older than what was folded before.
select s.check_id, s.location_id, s.verdict_at, s.since_at, s.unknown_since_at, s.seen_at, s.status
from pg_temp.folded_checks f
join apistatus.check_state s using (check_id, location_id)
where s.xmin <> pg_current_xact_id()::xid
