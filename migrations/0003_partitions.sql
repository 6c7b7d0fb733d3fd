-- Partitions of the results, made by whoever needs one: the application role owns no table.
-- migrate:up

-- LIKE and ATTACH, because CREATE TABLE ... PARTITION OF waits for every reader and writer of the parent.
-- The time limits are of no effect for the caller: they end with the function.
create function apistatus.make_partitions(days date[]) returns integer
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
    set timezone = 'UTC'
    set lock_timeout = '3s'
as $$
declare
    wanted date;
    partition text;
    made integer := 0;
begin
    -- One at a time; the number is nothing but a name for this lock.
    perform pg_advisory_xact_lock(4850170771033301);
    for wanted in select distinct unnest(days) order by 1 loop
        if wanted not between current_date - 3660 and current_date + 60 then
            raise exception 'no partition is made for %: more than 10 years ago or 60 days ahead', wanted
                using errcode = 'datetime_field_overflow';
        end if;
        partition := 'results_' || to_char(wanted, 'YYYYMMDD');
        continue when exists (
            select from pg_class
            where relname = partition and relnamespace = 'apistatus'::regnamespace and relispartition);
        execute format('create table apistatus.%I (like apistatus.results including all)', partition);
        execute format(
            'alter table apistatus.results attach partition apistatus.%I for values from (%L) to (%L)',
            partition, wanted::timestamptz, (wanted + 1)::timestamptz);
        made := made + 1;
    end loop;
    return made;
end
$$;
revoke execute on function apistatus.make_partitions(date[]) from public;
comment on function apistatus.make_partitions is
    'Make the missing partitions of apistatus.results for these days (UTC); returns how many were made.';

-- migrate:down

drop function apistatus.make_partitions(date[]);
