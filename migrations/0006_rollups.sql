-- Hours and days added up, what changed when, and how old rows go.
-- migrate:up

-- An hour of all checks is read as a whole; rows come in the order of time, so 0.1 byte a row is enough.
create index results_by_time on apistatus.results using brin (scheduled_at)
    with (pages_per_range = 64, autosummarize = on);

create table apistatus.rollup_hours (
    hour timestamptz not null,
    sum_us bigint not null,
    check_id integer not null,
    max_us integer,
    up integer not null,
    degraded integer not null,
    down integer not null,
    missed integer not null,
    inconclusive integer not null,
    sla_judged integer not null,
    sla_met integer not null,
    measured integer not null,
    location_id smallint not null,
    histogram integer[] not null,
    primary key (check_id, location_id, hour)
);
create index rollup_hours_by_hour on apistatus.rollup_hours (hour);
comment on table apistatus.rollup_hours is
    'The results of an hour added up; not in force while dirty_hours names the hour. For people: view check_hours.';
comment on column apistatus.rollup_hours.hour is 'Beginning of the hour.';
comment on column apistatus.rollup_hours.sum_us is 'Sum of the total times of what worked, in microseconds.';
comment on column apistatus.rollup_hours.check_id is 'Number of the check.';
comment on column apistatus.rollup_hours.max_us is 'The longest of these times; null: none.';
comment on column apistatus.rollup_hours.up is 'Results that are up.';
comment on column apistatus.rollup_hours.degraded is 'Results that are degraded.';
comment on column apistatus.rollup_hours.down is 'Results that are down.';
comment on column apistatus.rollup_hours.missed is 'Ticks without a probe.';
comment on column apistatus.rollup_hours.inconclusive is 'Results that say nothing of the target.';
comment on column apistatus.rollup_hours.sla_judged is 'Verdicts (up, degraded, down) of checks with sla_ms.';
comment on column apistatus.rollup_hours.sla_met is 'How many of these worked within sla_ms.';
comment on column apistatus.rollup_hours.measured is 'Results with a time in sum_us and histogram.';
comment on column apistatus.rollup_hours.location_id is 'Number of the location.';
comment on column apistatus.rollup_hours.histogram is
    'Total times of what worked: entries of bucket * 4194304 + count, in any order, a bucket may come twice.';

create table apistatus.rollup_days (
    day date not null,
    sum_us bigint not null,
    check_id integer not null,
    max_us integer,
    up integer not null,
    degraded integer not null,
    down integer not null,
    missed integer not null,
    inconclusive integer not null,
    sla_judged integer not null,
    sla_met integer not null,
    measured integer not null,
    location_id smallint not null,
    histogram integer[] not null,
    primary key (check_id, location_id, day)
);
create index rollup_days_by_day on apistatus.rollup_days (day);
comment on table apistatus.rollup_days is
    'The hours of a day (UTC) added up; not in force while view open_days names it. For people: view check_days.';
comment on column apistatus.rollup_days.day is 'The day (UTC).';
comment on column apistatus.rollup_days.sum_us is 'See rollup_hours.';
comment on column apistatus.rollup_days.check_id is 'Number of the check.';
comment on column apistatus.rollup_days.max_us is 'See rollup_hours.';
comment on column apistatus.rollup_days.up is 'See rollup_hours.';
comment on column apistatus.rollup_days.degraded is 'See rollup_hours.';
comment on column apistatus.rollup_days.down is 'See rollup_hours.';
comment on column apistatus.rollup_days.missed is 'See rollup_hours.';
comment on column apistatus.rollup_days.inconclusive is 'See rollup_hours.';
comment on column apistatus.rollup_days.sla_judged is 'See rollup_hours.';
comment on column apistatus.rollup_days.sla_met is 'See rollup_hours.';
comment on column apistatus.rollup_days.measured is 'See rollup_hours.';
comment on column apistatus.rollup_days.location_id is 'Number of the location.';
comment on column apistatus.rollup_days.histogram is 'See rollup_hours.';

create table apistatus.dirty_days (
    day date primary key,
    marked_at timestamptz not null default now()
);
comment on table apistatus.dirty_days is 'Days with hours newer than their rollup.';
comment on column apistatus.dirty_days.day is 'The day (UTC).';
comment on column apistatus.dirty_days.marked_at is 'When such an hour was first added up.';

create table apistatus.status_changes (
    at timestamptz not null,
    check_id integer not null,
    total_us integer,
    location_id smallint not null,
    status smallint not null,
    failure smallint,
    status_code smallint,
    error text,
    primary key (check_id, location_id, at)
);
create index status_changes_by_time on apistatus.status_changes (at);
comment on table apistatus.status_changes is
    'Verdicts that differ from the verdict before them, kept when the rows are gone. '
    'Hours that dirty_hours names are to be read from the rows.';
comment on column apistatus.status_changes.at is 'The tick.';
comment on column apistatus.status_changes.check_id is 'Number of the check.';
comment on column apistatus.status_changes.total_us is 'Its start to last byte, in microseconds.';
comment on column apistatus.status_changes.location_id is 'Number of the location.';
comment on column apistatus.status_changes.status is 'The verdict; see apistatus.status_name.';
comment on column apistatus.status_changes.failure is 'Its failure; see apistatus.failure_name.';
comment on column apistatus.status_changes.status_code is 'HTTP status; null: no answer.';
comment on column apistatus.status_changes.error is 'What went wrong, one line for people.';

create table apistatus.retention (
    one boolean primary key default true check (one),
    kept_from timestamptz
);
comment on table apistatus.retention is 'One row: from when on results are kept.';
comment on column apistatus.retention.one is 'Always true.';
comment on column apistatus.retention.kept_from is
    'Results of ticks before it have been dropped, and their rollups are final; null: none were.';
insert into apistatus.retention default values;

create table apistatus.packed_days (
    day date primary key,
    packed_at timestamptz not null default now()
);
comment on table apistatus.packed_days is 'Days over whose index was built anew once, without the room that growing left.';
comment on column apistatus.packed_days.day is 'The day (UTC).';
comment on column apistatus.packed_days.packed_at is 'When.';

-- 16 buckets for a doubling: the middle of one is within 2.2 percent of everything in it.
create function apistatus.time_bucket(microseconds integer) returns integer
    language sql immutable strict parallel safe
    return floor(16 / ln(2::double precision) * ln($1 + 1::double precision))::integer;
comment on function apistatus.time_bucket is 'Number of the bucket (0 to 496) of a time in microseconds.';

create function apistatus.bucket_us(bucket integer) returns double precision
    language sql immutable strict parallel safe
    return exp(($1 + 0.5::double precision) * ln(2::double precision) / 16) - 1;
comment on function apistatus.bucket_us is 'The middle of a bucket, in microseconds.';

create function apistatus.percentile(histogram integer[], fraction double precision) returns double precision
    language sql immutable strict parallel safe
    return (
        with buckets as (
            select entry >> 22 as bucket, sum(entry & 4194303) as count
            from unnest(histogram) as entry
            group by 1
        ),
        running as (
            select bucket, sum(count) over (order by bucket) as up_to, fraction * (sum(count) over () - 1) as rank
            from buckets
        ),
        neighbours as (
            select
                min(rank) - floor(min(rank)) as share,
                min(apistatus.bucket_us(bucket)) filter (where up_to > floor(rank)) as below,
                min(apistatus.bucket_us(bucket)) filter (where up_to > ceil(rank)) as above
            from running
        )
        select (below + share * (above - below)) / 1000 from neighbours
    );
comment on function apistatus.percentile is
    'Percentile (0.95) of a histogram in milliseconds, as percentile_cont gives it, within 2.2 percent; null: empty.';

create aggregate apistatus.histogram_sum(integer[]) (
    sfunc = array_cat, stype = integer[], combinefunc = array_cat, parallel = safe
);
comment on aggregate apistatus.histogram_sum(integer[]) is
    'Histograms added up: one after the other, for a bucket may come more than once.';

create view apistatus.open_hours as
select distinct d.hour
from apistatus.dirty_hours d
where d.hour >= coalesce((select r.kept_from from apistatus.retention r), '-infinity');
comment on view apistatus.open_hours is 'Hours whose rollup is not in force: their rows are read instead.';
comment on column apistatus.open_hours.hour is 'Beginning of the hour.';

create view apistatus.open_days as
select d.day from apistatus.dirty_days d
union
select (o.hour at time zone 'UTC')::date from apistatus.open_hours o;
comment on view apistatus.open_days is 'Days (UTC) whose rollup is not in force: their hours are read instead.';
comment on column apistatus.open_days.day is 'The day (UTC).';

-- A function, because a plan over every partition would take longer than the answer: here each hour is
-- planned by itself, for its one partition.
create function apistatus.open_rollups(check_number integer, location_number smallint) returns table (
    hour timestamptz, up integer, degraded integer, down integer, missed integer, inconclusive integer,
    sla_judged integer, sla_met integer, measured integer, sum_us bigint, max_us integer, histogram integer[]
)
    language plpgsql
    stable
    parallel safe
    security definer
    rows 2
    set search_path = pg_catalog, pg_temp
as $$
declare
    begins timestamptz;
begin
    for begins in select o.hour from apistatus.open_hours o loop
        return query
        select
            begins,
            (count(*) filter (where r.status = 0))::integer,
            (count(*) filter (where r.status = 1))::integer,
            (count(*) filter (where r.status = 2))::integer,
            (count(*) filter (where r.status = 3))::integer,
            (count(*) filter (where r.status = 4))::integer,
            (count(r.sla_ms) filter (where r.status <= 2))::integer,
            (count(*) filter (where r.status <= 1 and r.total_us <= r.sla_ms * 1000::bigint))::integer,
            (count(r.total_us) filter (where r.status <= 1))::integer,
            coalesce(sum(r.total_us) filter (where r.status <= 1), 0),
            max(r.total_us) filter (where r.status <= 1),
            coalesce(
                array_agg(apistatus.time_bucket(r.total_us) * 4194304 + 1)
                    filter (where r.status <= 1 and r.total_us is not null),
                '{}')
        from apistatus.results r
        where r.check_id = check_number and r.location_id = location_number
            and r.scheduled_at >= begins and r.scheduled_at < begins + interval '1 hour'
        having count(*) > 0;
    end loop;
end
$$;
revoke execute on function apistatus.open_rollups(integer, smallint) from public;
comment on function apistatus.open_rollups is
    'The open hours of a check at a location added up from its rows, as in apistatus.rollup_hours.';

create view apistatus.all_hours as
select
    s.check_id, s.location_id, h.hour, h.up, h.degraded, h.down, h.missed, h.inconclusive, h.sla_judged, h.sla_met,
    h.measured, h.sum_us, h.max_us, h.histogram
from apistatus.check_state s
cross join lateral (
    select
        r.hour, r.up, r.degraded, r.down, r.missed, r.inconclusive, r.sla_judged, r.sla_met, r.measured, r.sum_us,
        r.max_us, r.histogram
    from apistatus.rollup_hours r
    where r.check_id = s.check_id and r.location_id = s.location_id
        and not exists (select from apistatus.open_hours o where o.hour = r.hour)
    union all
    select
        r.hour, r.up, r.degraded, r.down, r.missed, r.inconclusive, r.sla_judged, r.sla_met, r.measured, r.sum_us,
        r.max_us, r.histogram
    from apistatus.open_rollups(s.check_id, s.location_id) r
) h;
comment on view apistatus.all_hours is 'Every hour added up, by numbers. For people: view check_hours.';
comment on column apistatus.all_hours.check_id is 'See rollup_hours.';
comment on column apistatus.all_hours.location_id is 'See rollup_hours.';
comment on column apistatus.all_hours.hour is 'See rollup_hours.';
comment on column apistatus.all_hours.up is 'See rollup_hours.';
comment on column apistatus.all_hours.degraded is 'See rollup_hours.';
comment on column apistatus.all_hours.down is 'See rollup_hours.';
comment on column apistatus.all_hours.missed is 'See rollup_hours.';
comment on column apistatus.all_hours.inconclusive is 'See rollup_hours.';
comment on column apistatus.all_hours.sla_judged is 'See rollup_hours.';
comment on column apistatus.all_hours.sla_met is 'See rollup_hours.';
comment on column apistatus.all_hours.measured is 'See rollup_hours.';
comment on column apistatus.all_hours.sum_us is 'See rollup_hours.';
comment on column apistatus.all_hours.max_us is 'See rollup_hours.';
comment on column apistatus.all_hours.histogram is 'See rollup_hours.';

create view apistatus.all_days as
select
    s.check_id, s.location_id, d.day, d.up, d.degraded, d.down, d.missed, d.inconclusive, d.sla_judged, d.sla_met,
    d.measured, d.sum_us, d.max_us, d.histogram
from apistatus.check_state s
cross join lateral (
    select
        r.day, r.up, r.degraded, r.down, r.missed, r.inconclusive, r.sla_judged, r.sla_met, r.measured, r.sum_us,
        r.max_us, r.histogram
    from apistatus.rollup_days r
    where r.check_id = s.check_id and r.location_id = s.location_id
        and not exists (select from apistatus.open_days o where o.day = r.day)
    union all
    select
        o.day, h.up, h.degraded, h.down, h.missed, h.inconclusive, h.sla_judged, h.sla_met, h.measured, h.sum_us, h.max_us,
        h.histogram
    from apistatus.open_days o
    -- Added up day by day, so that the hours of no other day are read.
    cross join lateral (
        select
            sum(a.up)::integer as up, sum(a.degraded)::integer as degraded, sum(a.down)::integer as down,
            sum(a.missed)::integer as missed, sum(a.inconclusive)::integer as inconclusive,
            sum(a.sla_judged)::integer as sla_judged, sum(a.sla_met)::integer as sla_met,
            sum(a.measured)::integer as measured, sum(a.sum_us)::bigint as sum_us, max(a.max_us) as max_us,
            apistatus.histogram_sum(a.histogram) as histogram
        from apistatus.all_hours a
        where a.check_id = s.check_id and a.location_id = s.location_id
            and a.hour >= o.day::timestamp at time zone 'UTC' and a.hour < (o.day + 1)::timestamp at time zone 'UTC'
        having count(*) > 0
    ) h
) d;
comment on view apistatus.all_days is 'Every day added up, by numbers. For people: view check_days.';
comment on column apistatus.all_days.check_id is 'See rollup_days.';
comment on column apistatus.all_days.location_id is 'See rollup_days.';
comment on column apistatus.all_days.day is 'See rollup_days.';
comment on column apistatus.all_days.up is 'See rollup_days.';
comment on column apistatus.all_days.degraded is 'See rollup_days.';
comment on column apistatus.all_days.down is 'See rollup_days.';
comment on column apistatus.all_days.missed is 'See rollup_days.';
comment on column apistatus.all_days.inconclusive is 'See rollup_days.';
comment on column apistatus.all_days.sla_judged is 'See rollup_days.';
comment on column apistatus.all_days.sla_met is 'See rollup_days.';
comment on column apistatus.all_days.measured is 'See rollup_days.';
comment on column apistatus.all_days.sum_us is 'See rollup_days.';
comment on column apistatus.all_days.max_us is 'See rollup_days.';
comment on column apistatus.all_days.histogram is 'See rollup_days.';

create view apistatus.check_hours as
select
    c.check_id,
    c.name,
    l.name as location,
    h.hour,
    h.up + h.degraded + h.down as made,
    h.up,
    h.degraded,
    h.down,
    h.missed,
    h.inconclusive,
    (h.up + h.degraded)::double precision / nullif(h.up + h.degraded + h.down, 0) as uptime,
    h.sum_us / 1000::double precision / nullif(h.measured, 0) as avg_ms,
    least(apistatus.percentile(h.histogram, 0.5), h.max_us / 1000::double precision) as p50_ms,
    least(apistatus.percentile(h.histogram, 0.95), h.max_us / 1000::double precision) as p95_ms,
    least(apistatus.percentile(h.histogram, 0.99), h.max_us / 1000::double precision) as p99_ms,
    h.max_us / 1000::double precision as max_ms
from apistatus.all_hours h
join apistatus.checks c on c.id = h.check_id
join apistatus.locations l on l.id = h.location_id;
comment on view apistatus.check_hours is 'Every hour of each check at each location; an hour without a row has no result.';
comment on column apistatus.check_hours.check_id is 'The stable id of the check.';
comment on column apistatus.check_hours.name is 'Name of the check, as last defined.';
comment on column apistatus.check_hours.location is 'Where the prober stood.';
comment on column apistatus.check_hours.hour is 'Beginning of the hour.';
comment on column apistatus.check_hours.made is 'Verdicts: up + degraded + down.';
comment on column apistatus.check_hours.up is 'Results that are up.';
comment on column apistatus.check_hours.degraded is 'Results that are degraded: it works, but misses its SLA or a warning.';
comment on column apistatus.check_hours.down is 'Results that are down.';
comment on column apistatus.check_hours.missed is 'Ticks without a probe: neither uptime nor downtime.';
comment on column apistatus.check_hours.inconclusive is 'Results where our own side was at fault: neither uptime nor downtime.';
comment on column apistatus.check_hours.uptime is '0 to 1: up + degraded among all verdicts; null: no verdict.';
comment on column apistatus.check_hours.avg_ms is 'Mean time of what was up or degraded, in milliseconds; null: none.';
comment on column apistatus.check_hours.p50_ms is 'Median of these times, within 2.2 percent.';
comment on column apistatus.check_hours.p95_ms is '95th percentile of these times, within 2.2 percent.';
comment on column apistatus.check_hours.p99_ms is '99th percentile of these times, within 2.2 percent.';
comment on column apistatus.check_hours.max_ms is 'The longest of these times, exact.';

create view apistatus.check_days as
select
    c.check_id,
    c.name,
    l.name as location,
    d.day,
    d.up + d.degraded + d.down as made,
    d.up,
    d.degraded,
    d.down,
    d.missed,
    d.inconclusive,
    (d.up + d.degraded)::double precision / nullif(d.up + d.degraded + d.down, 0) as uptime,
    d.sum_us / 1000::double precision / nullif(d.measured, 0) as avg_ms,
    least(apistatus.percentile(d.histogram, 0.5), d.max_us / 1000::double precision) as p50_ms,
    least(apistatus.percentile(d.histogram, 0.95), d.max_us / 1000::double precision) as p95_ms,
    least(apistatus.percentile(d.histogram, 0.99), d.max_us / 1000::double precision) as p99_ms,
    d.max_us / 1000::double precision as max_ms
from apistatus.all_days d
join apistatus.checks c on c.id = d.check_id
join apistatus.locations l on l.id = d.location_id;
comment on view apistatus.check_days is 'Every day (UTC) of each check at each location; a day without a row has no result.';
comment on column apistatus.check_days.check_id is 'The stable id of the check.';
comment on column apistatus.check_days.name is 'Name of the check, as last defined.';
comment on column apistatus.check_days.location is 'Where the prober stood.';
comment on column apistatus.check_days.day is 'The day (UTC).';
comment on column apistatus.check_days.made is 'Verdicts: up + degraded + down.';
comment on column apistatus.check_days.up is 'Results that are up.';
comment on column apistatus.check_days.degraded is 'Results that are degraded: it works, but misses its SLA or a warning.';
comment on column apistatus.check_days.down is 'Results that are down.';
comment on column apistatus.check_days.missed is 'Ticks without a probe: neither uptime nor downtime.';
comment on column apistatus.check_days.inconclusive is 'Results where our own side was at fault: neither uptime nor downtime.';
comment on column apistatus.check_days.uptime is '0 to 1: up + degraded among all verdicts; null: no verdict.';
comment on column apistatus.check_days.avg_ms is 'Mean time of what was up or degraded, in milliseconds; null: none.';
comment on column apistatus.check_days.p50_ms is 'Median of these times, within 2.2 percent.';
comment on column apistatus.check_days.p95_ms is '95th percentile of these times, within 2.2 percent.';
comment on column apistatus.check_days.p99_ms is '99th percentile of these times, within 2.2 percent.';
comment on column apistatus.check_days.max_ms is 'The longest of these times, exact.';

create view apistatus.check_times as
select c.check_id, c.name, l.name as location, h.hour, h.histogram
from apistatus.all_hours h
join apistatus.checks c on c.id = h.check_id
join apistatus.locations l on l.id = h.location_id;
comment on view apistatus.check_times is
    'Times of what was up or degraded, by hour, for percentiles over any hours and checks: '
    'select apistatus.percentile(apistatus.histogram_sum(histogram), 0.95) from apistatus.check_times where ...';
comment on column apistatus.check_times.check_id is 'The stable id of the check.';
comment on column apistatus.check_times.name is 'Name of the check, as last defined.';
comment on column apistatus.check_times.location is 'Where the prober stood.';
comment on column apistatus.check_times.hour is 'Beginning of the hour.';
comment on column apistatus.check_times.histogram is
    'Entries of bucket * 4194304 + count; the middle of a bucket is apistatus.bucket_us(bucket).';

create function apistatus.summarize_day(day date) returns integer
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
    set lock_timeout = '300ms'
as $$
declare
    indexes regclass[];
begin
    select array_agg(x.indexrelid) into indexes
    from pg_index x
    join pg_class i on i.oid = x.indexrelid
    join pg_am m on m.oid = i.relam and m.amname = 'brin'
    where x.indrelid = to_regclass('apistatus.results_' || to_char(day, 'YYYYMMDD'));
    return (select coalesce(sum(brin_summarize_new_values(each)), 0) from unnest(indexes) as each);
end
$$;
revoke execute on function apistatus.summarize_day(date) from public;
comment on function apistatus.summarize_day is
    'Let the index by time know the newest rows of a day, without waiting for autovacuum to do so.';

-- Two functions and so two transactions: the lock on all results is held for the moment of detaching only.
create function apistatus.detach_results(before date) returns date
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
    set timezone = 'UTC'
    set lock_timeout = '300ms'
as $$
declare
    oldest date;
begin
    if before > current_date - 1 or before is null then
        raise exception 'results of less than a day are not dropped' using errcode = 'datetime_field_overflow';
    end if;
    select to_date(right(c.relname, 8), 'YYYYMMDD') into oldest
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'apistatus.results'::regclass and c.relname ~ '^results_[0-9]{8}$'
        and to_date(right(c.relname, 8), 'YYYYMMDD') < before
        and not exists (
            select from apistatus.open_days o where o.day = to_date(right(c.relname, 8), 'YYYYMMDD'))
    order by 1
    limit 1;
    if oldest is null then
        return null;
    end if;
    execute format('alter table apistatus.results detach partition apistatus.%I', 'results_' || to_char(oldest, 'YYYYMMDD'));
    execute format('drop table if exists apistatus.%I', 'dropped_' || to_char(oldest, 'YYYYMMDD'));
    execute format(
        'alter table apistatus.%I rename to %I',
        'results_' || to_char(oldest, 'YYYYMMDD'), 'dropped_' || to_char(oldest, 'YYYYMMDD'));
    update apistatus.retention set kept_from = greatest(kept_from, (oldest + 1)::timestamptz);
    delete from apistatus.packed_days where day <= oldest;
    return oldest;
end
$$;
revoke execute on function apistatus.detach_results(date) from public;
comment on function apistatus.detach_results is
    'Take the oldest day before this one off the results, when its rollups are in force; returns it, null: there is none.';

create function apistatus.drop_detached() returns integer
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
    set lock_timeout = '300ms'
as $$
declare
    partition text;
    dropped integer := 0;
begin
    for partition in
        select c.relname from pg_class c
        where c.relnamespace = 'apistatus'::regnamespace and c.relname ~ '^dropped_[0-9]{8}$'
            and c.relkind = 'r' and not c.relispartition
    loop
        execute format('drop table apistatus.%I', partition);
        dropped := dropped + 1;
    end loop;
    return dropped;
end
$$;
revoke execute on function apistatus.drop_detached() from public;
comment on function apistatus.drop_detached is 'Drop what apistatus.detach_results took off; returns how many days.';

create function apistatus.pack_day() returns date
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
    set timezone = 'UTC'
    set lock_timeout = '300ms'
as $$
declare
    closed date;
    partition regclass;
begin
    select to_date(right(c.relname, 8), 'YYYYMMDD') into closed
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'apistatus.results'::regclass and c.relname ~ '^results_[0-9]{8}$'
        and (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamptz < now() - interval '1 hour'
        and not exists (select from apistatus.open_days o where o.day = to_date(right(c.relname, 8), 'YYYYMMDD'))
        and not exists (select from apistatus.packed_days p where p.day = to_date(right(c.relname, 8), 'YYYYMMDD'))
        -- Whoever reads the day waits until it is done: for more than this, too long for the room it saves.
        and pg_indexes_size(c.oid) < 2147483648
    order by 1 desc
    limit 1;
    if closed is not null then
        partition := 'apistatus.results_' || to_char(closed, 'YYYYMMDD');
        -- Full pages only now: while many checks grow side by side in one page, they would make it split the sooner.
        execute format('alter index %s set (fillfactor = 100)', (
            select x.indexrelid::regclass from pg_index x where x.indrelid = partition and x.indisprimary));
        execute format('reindex table %s', partition);
        insert into apistatus.packed_days (day) values (closed) on conflict do nothing;
    end if;
    return closed;
end
$$;
revoke execute on function apistatus.pack_day() from public;
comment on function apistatus.pack_day is
    'Build the index of the newest closed day that has not been packed anew; returns the day, null: there is none.';

-- migrate:down

drop function apistatus.pack_day();
drop function apistatus.drop_detached();
drop function apistatus.detach_results(date);
drop function apistatus.summarize_day(date);
drop view apistatus.check_times;
drop view apistatus.check_days;
drop view apistatus.check_hours;
drop view apistatus.all_days;
drop view apistatus.all_hours;
drop function apistatus.open_rollups(integer, smallint);
drop view apistatus.open_days;
drop view apistatus.open_hours;
drop aggregate apistatus.histogram_sum(integer[]);
drop function apistatus.percentile(integer[], double precision);
drop function apistatus.bucket_us(integer);
drop function apistatus.time_bucket(integer);
drop table apistatus.packed_days;
drop table apistatus.retention;
drop table apistatus.status_changes;
drop table apistatus.dirty_days;
drop table apistatus.rollup_days;
drop table apistatus.rollup_hours;
drop index apistatus.results_by_time;
