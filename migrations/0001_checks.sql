-- Which checks there are, where they run, and what was in force when.
-- migrate:up

create schema if not exists apistatus;
comment on schema apistatus is
    'Results of availability checks. Views are for people and stay; tables may change with a release.';

create table apistatus.locations (
    id smallint generated always as identity primary key,
    name text not null unique
);
comment on table apistatus.locations is 'Places where checks run.';
comment on column apistatus.locations.id is 'Short number used in other tables.';
comment on column apistatus.locations.name is 'APISTATUS_LOCATION of the producer.';

create table apistatus.checks (
    id integer generated always as identity primary key,
    check_id text not null unique,
    name text not null,
    "group" text,
    labels jsonb,
    site text not null,
    endpoint text not null,
    defined_at timestamptz not null
);
comment on table apistatus.checks is 'Every check that was ever seen, as last defined.';
comment on column apistatus.checks.id is 'Short number used in other tables.';
comment on column apistatus.checks.check_id is 'The stable id of the check.';
comment on column apistatus.checks.name is 'Its name, as last defined.';
comment on column apistatus.checks."group" is 'Its group, as last defined.';
comment on column apistatus.checks.labels is 'Its labels, as last defined.';
comment on column apistatus.checks.site is 'Its site as written in the reader file, secrets unreplaced.';
comment on column apistatus.checks.endpoint is 'Its endpoint as written in the reader file.';
comment on column apistatus.checks.defined_at is 'The tick from which that definition holds.';

create table apistatus.check_versions (
    check_id integer not null references apistatus.checks (id),
    location_id smallint not null references apistatus.locations (id),
    from_at timestamptz not null,
    until_at timestamptz,
    interval_ms integer not null,
    sla_ms integer,
    announced boolean not null,
    name text not null,
    "group" text,
    labels jsonb,
    site text not null,
    endpoint text not null,
    producer text not null,
    primary key (check_id, location_id, from_at),
    check (until_at > from_at)
);
comment on table apistatus.check_versions is
    'Definitions of checks and when they were in force, so that old results keep the rules of their time.';
comment on column apistatus.check_versions.check_id is 'Number of the check.';
comment on column apistatus.check_versions.location_id is 'Number of the location.';
comment on column apistatus.check_versions.from_at is 'First tick under this definition.';
comment on column apistatus.check_versions.until_at is
    'First tick that is no longer under it; null while it is in force.';
comment on column apistatus.check_versions.interval_ms is 'Time between two ticks.';
comment on column apistatus.check_versions.sla_ms is 'Slower than this is degraded; null: no such limit.';
comment on column apistatus.check_versions.announced is
    'A producer announced it and so ticks are expected; false: known from a result alone.';
comment on column apistatus.check_versions.name is 'Name of the check.';
comment on column apistatus.check_versions."group" is 'Group of the check.';
comment on column apistatus.check_versions.labels is 'Labels of the check.';
comment on column apistatus.check_versions.site is 'Site as written in the reader file.';
comment on column apistatus.check_versions.endpoint is 'Endpoint as written in the reader file.';
comment on column apistatus.check_versions.producer is 'The producer that said so.';

create table apistatus.gaps (
    check_id integer not null references apistatus.checks (id),
    location_id smallint not null references apistatus.locations (id),
    from_at timestamptz not null,
    until_at timestamptz not null,
    producer text not null,
    reason text,
    primary key (check_id, location_id, from_at),
    check (until_at > from_at)
);
comment on table apistatus.gaps is 'Spans in which a producer did not run, and so ticks without a row.';
comment on column apistatus.gaps.check_id is 'Number of the check.';
comment on column apistatus.gaps.location_id is 'Number of the location.';
comment on column apistatus.gaps.from_at is 'First tick that was not made.';
comment on column apistatus.gaps.until_at is 'First tick that was made again.';
comment on column apistatus.gaps.producer is 'The producer that did not run.';
comment on column apistatus.gaps.reason is 'Why, when it is known.';

-- migrate:down

drop table apistatus.gaps;
drop table apistatus.check_versions;
drop table apistatus.checks;
drop table apistatus.locations;
