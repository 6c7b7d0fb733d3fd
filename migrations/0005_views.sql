-- What people and dashboards read. These names and columns are promises.
-- migrate:up

create view apistatus.check_results as
select
    c.check_id,
    c.name,
    l.name as location,
    r.scheduled_at,
    case when r.status <> 3 then r.scheduled_at + r.start_delay_us * interval '1 microsecond' end as started_at,
    apistatus.status_name(r.status) as status,
    apistatus.failure_name(r.failure) as failure,
    apistatus.phase_name(r.phase) as phase,
    r.error,
    r.status_code,
    r.value,
    r.total_us / 1000::double precision as total_ms,
    r.resolve_us / 1000::double precision as resolve_ms,
    r.connect_us / 1000::double precision as connect_ms,
    r.tls_us / 1000::double precision as tls_ms,
    r.processing_us / 1000::double precision as processing_ms,
    r.transfer_us / 1000::double precision as transfer_ms,
    r.sla_ms,
    case
        when r.status <= 2 and r.sla_ms is not null
        then r.status <> 2 and r.total_us <= r.sla_ms * 1000::bigint
    end as sla_met,
    coalesce(r.attempts, 1::smallint) as attempts,
    r.size_bytes
from apistatus.results r
join apistatus.checks c on c.id = r.check_id
join apistatus.locations l on l.id = r.location_id;
comment on view apistatus.check_results is 'Every result: one row a tick of a check at a location.';
comment on column apistatus.check_results.check_id is 'The stable id of the check.';
comment on column apistatus.check_results.name is 'Name of the check, as last defined.';
comment on column apistatus.check_results.location is 'Where the prober stood.';
comment on column apistatus.check_results.scheduled_at is 'The tick: when the check was due.';
comment on column apistatus.check_results.started_at is 'When it started; null for a missed tick.';
comment on column apistatus.check_results.status is
    'up; degraded (works, but misses its SLA or a warning); down; missed (no probe was made); '
    'inconclusive (our own side was at fault). The last two are neither uptime nor downtime.';
comment on column apistatus.check_results.failure is 'Kind of the failure; null: none.';
comment on column apistatus.check_results.phase is 'Where the failure happened: resolve, connect, tls, send, processing, transfer, body.';
comment on column apistatus.check_results.error is 'What went wrong, one line for people.';
comment on column apistatus.check_results.status_code is 'HTTP status; null: no answer.';
comment on column apistatus.check_results.value is 'The extracted element, as JSON text or as the string itself.';
comment on column apistatus.check_results.total_ms is 'Start to last byte, in milliseconds.';
comment on column apistatus.check_results.resolve_ms is 'Name resolution; null: did not happen.';
comment on column apistatus.check_results.connect_ms is 'TCP connect; null: did not happen.';
comment on column apistatus.check_results.tls_ms is 'TLS handshake; null: did not happen.';
comment on column apistatus.check_results.processing_ms is 'Request to first byte; null: did not happen.';
comment on column apistatus.check_results.transfer_ms is 'First to last byte; null: did not happen.';
comment on column apistatus.check_results.sla_ms is 'Limit of the total time at that tick; null: none.';
comment on column apistatus.check_results.sla_met is
    'Whether it worked within sla_ms; null without one, and when nothing is known of the target.';
comment on column apistatus.check_results.attempts is 'Attempts made, retries included.';
comment on column apistatus.check_results.size_bytes is 'Bytes of the body.';

create view apistatus.check_status as
select
    c.check_id,
    c.name,
    l.name as location,
    apistatus.status_name(s.status) as status,
    s.since_at as since,
    s.verdict_at as scheduled_at,
    s.total_us / 1000::double precision as total_ms,
    s.value,
    apistatus.failure_name(s.failure) as failure,
    s.error,
    s.certificate_expires_at,
    s.unknown_since_at as unknown_since
from apistatus.check_state s
join apistatus.checks c on c.id = s.check_id
join apistatus.locations l on l.id = s.location_id
where coalesce(
    (
        select v.until_at
        from apistatus.check_versions v
        where v.check_id = s.check_id and v.location_id = s.location_id
        order by v.from_at desc
        limit 1
    ),
    'infinity') > now();
comment on view apistatus.check_status is 'How each check stands now at each location; removed checks are left out.';
comment on column apistatus.check_status.check_id is 'The stable id of the check.';
comment on column apistatus.check_status.name is 'Name of the check, as last defined.';
comment on column apistatus.check_status.location is 'Where the prober stands.';
comment on column apistatus.check_status.status is 'The last verdict: up, degraded, down; null: none yet.';
comment on column apistatus.check_status.since is 'First tick with that verdict without another in between.';
comment on column apistatus.check_status.scheduled_at is 'Tick of the last verdict.';
comment on column apistatus.check_status.total_ms is 'Its start to last byte, in milliseconds.';
comment on column apistatus.check_status.value is 'Its extracted element.';
comment on column apistatus.check_status.failure is 'Kind of its failure; null: none.';
comment on column apistatus.check_status.error is 'What went wrong, one line for people.';
comment on column apistatus.check_status.certificate_expires_at is 'When the certificate that was served last expires.';
comment on column apistatus.check_status.unknown_since is
    'First missed or inconclusive tick after the last verdict; null: the verdict is the newest we have.';

create view apistatus.dead_letters as
select
    d.topic,
    d.partition,
    d."offset",
    d.received_at,
    d.reason,
    d.message,
    d.key,
    d.value,
    (
        select jsonb_agg(jsonb_build_array(h.name, encode(h.value, 'escape')) order by h.position)
        from unnest(d.header_names, d.header_values) with ordinality as h (name, value, position)
    ) as headers,
    d.id,
    d.attempts,
    d.forwarded_at,
    d.replayed_at
from apistatus.dead_letter d
where d.discarded_at is null;
comment on view apistatus.dead_letters is 'Messages that could not be stored, and why; discarded ones are left out.';
comment on column apistatus.dead_letters.topic is 'Topic of the message.';
comment on column apistatus.dead_letters.partition is 'Its partition.';
comment on column apistatus.dead_letters."offset" is 'Its offset.';
comment on column apistatus.dead_letters.received_at is 'When it was put aside.';
comment on column apistatus.dead_letters.reason is 'Short code of the reason.';
comment on column apistatus.dead_letters.message is 'The reason, one line for people.';
comment on column apistatus.dead_letters.key is 'Key of the message, as it came.';
comment on column apistatus.dead_letters.value is 'Value of the message, as it came.';
comment on column apistatus.dead_letters.headers is
    'Headers as pairs of name and value, bytes that are no ASCII escaped; null: none.';
comment on column apistatus.dead_letters.id is 'Number of the dead letter, for apistatus dead-letters.';
comment on column apistatus.dead_letters.attempts is 'How often it was replayed, in whatever message.';
comment on column apistatus.dead_letters.forwarded_at is 'When it was sent to the dead letter topic; null: not yet.';
comment on column apistatus.dead_letters.replayed_at is 'When it was sent to its own topic again; null: never.';

-- migrate:down

drop view apistatus.dead_letters;
drop view apistatus.check_status;
drop view apistatus.check_results;
