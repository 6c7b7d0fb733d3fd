-- One row a tick, and what follows from the rows.
-- migrate:up

-- Columns by width, so that no byte is lost to alignment.
create table apistatus.results (
    scheduled_at timestamptz not null,
    check_id integer not null,
    start_delay_us integer not null,
    total_us integer,
    resolve_us integer,
    connect_us integer,
    tls_us integer,
    processing_us integer,
    transfer_us integer,
    size_bytes integer,
    sla_ms integer,
    location_id smallint not null,
    status smallint not null,
    flags smallint not null,
    attempts smallint,
    status_code smallint,
    failure smallint,
    phase smallint,
    value text,
    error text,
    primary key (check_id, location_id, scheduled_at)
) partition by range (scheduled_at);
comment on table apistatus.results is
    'One row a tick of a check at a location, in a partition a day (UTC). For people: view check_results.';
comment on column apistatus.results.scheduled_at is 'The tick: when the check was due.';
comment on column apistatus.results.check_id is 'Number of the check.';
comment on column apistatus.results.start_delay_us is 'How late it started, in microseconds: our own fault.';
comment on column apistatus.results.total_us is 'Start to last byte, in microseconds.';
comment on column apistatus.results.resolve_us is 'Name resolution, in microseconds; null: did not happen.';
comment on column apistatus.results.connect_us is 'TCP connect, in microseconds; null: did not happen.';
comment on column apistatus.results.tls_us is 'TLS handshake, in microseconds; null: did not happen.';
comment on column apistatus.results.processing_us is 'Request to first byte, in microseconds; null: did not happen.';
comment on column apistatus.results.transfer_us is 'First to last byte, in microseconds; null: did not happen.';
comment on column apistatus.results.size_bytes is 'Bytes of the body.';
comment on column apistatus.results.sla_ms is 'Limit of the total time at that tick; null: none.';
comment on column apistatus.results.location_id is 'Number of the location.';
comment on column apistatus.results.status is 'See apistatus.status_name.';
comment on column apistatus.results.flags is
    'Bits: 1 maintenance, 2 our loop lagged, 4 kernel clock, 8 rustls, 16 connection reused, 32 check-once.';
comment on column apistatus.results.attempts is 'Attempts made, retries included; null is one, as in most rows.';
comment on column apistatus.results.status_code is 'HTTP status; null: no answer.';
comment on column apistatus.results.failure is 'See apistatus.failure_name.';
comment on column apistatus.results.phase is 'See apistatus.phase_name.';
comment on column apistatus.results.value is 'The extracted element.';
comment on column apistatus.results.error is 'What went wrong, one line for people.';

create table apistatus.check_state (
    verdict_at timestamptz,
    since_at timestamptz,
    unknown_since_at timestamptz,
    seen_at timestamptz not null,
    certificate_expires_at timestamptz,
    check_id integer not null references apistatus.checks (id),
    total_us integer,
    location_id smallint not null references apistatus.locations (id),
    status smallint,
    failure smallint,
    value text,
    error text,
    primary key (check_id, location_id)
) with (fillfactor = 50);
comment on table apistatus.check_state is
    'The rows of each check at each location, folded: how it stands now. For people: view check_status.';
comment on column apistatus.check_state.verdict_at is 'Tick of the last verdict (up, degraded, down); null: none yet.';
comment on column apistatus.check_state.since_at is 'First tick with that verdict without another in between.';
comment on column apistatus.check_state.unknown_since_at is
    'First missed or inconclusive tick after the last verdict; null: none.';
comment on column apistatus.check_state.seen_at is 'Newest tick folded in.';
comment on column apistatus.check_state.certificate_expires_at is
    'When the certificate that was served last expires.';
comment on column apistatus.check_state.check_id is 'Number of the check.';
comment on column apistatus.check_state.total_us is 'Time of the last verdict, in microseconds.';
comment on column apistatus.check_state.location_id is 'Number of the location.';
comment on column apistatus.check_state.status is 'The last verdict; see apistatus.status_name.';
comment on column apistatus.check_state.failure is 'Its failure; see apistatus.failure_name.';
comment on column apistatus.check_state.value is 'Its extracted element.';
comment on column apistatus.check_state.error is 'Its error.';

create table apistatus.dirty_hours (
    hour timestamptz not null,
    writer integer not null,
    marked_at timestamptz not null default now(),
    primary key (hour, writer)
) with (fillfactor = 50);
comment on table apistatus.dirty_hours is 'Hours with rows newer than their rollup.';
comment on column apistatus.dirty_hours.hour is 'Beginning of the hour.';
comment on column apistatus.dirty_hours.writer is
    'Lowest partition of the batch that marked it: two consumers do not wait for each other.';
comment on column apistatus.dirty_hours.marked_at is 'When the last such batch began.';

create function apistatus.status_name(smallint) returns text
    language sql immutable strict parallel safe
    return (array['up', 'degraded', 'down', 'missed', 'inconclusive'])[$1 + 1];
comment on function apistatus.status_name is 'Word for the number in results.status.';

create function apistatus.failure_name(smallint) returns text
    language sql immutable strict parallel safe
    return (array[
        'dns', 'connect_refused', 'connect_unreachable', 'connect_timeout', 'connect_reset',
        'tls_untrusted', 'tls_expired', 'tls_hostname', 'tls_handshake', 'timeout', 'disconnected',
        'protocol', 'too_large', 'redirect', 'blocked', 'auth', 'status', 'assertion', 'extract',
        'internal'])[$1 + 1];
comment on function apistatus.failure_name is 'Word for the number in results.failure.';

create function apistatus.phase_name(smallint) returns text
    language sql immutable strict parallel safe
    return (array['resolve', 'connect', 'tls', 'send', 'processing', 'transfer', 'body'])[$1 + 1];
comment on function apistatus.phase_name is 'Word for the number in results.phase.';

-- migrate:down

drop function apistatus.phase_name(smallint);
drop function apistatus.failure_name(smallint);
drop function apistatus.status_name(smallint);
drop table apistatus.dirty_hours;
drop table apistatus.check_state;
drop table apistatus.results;
