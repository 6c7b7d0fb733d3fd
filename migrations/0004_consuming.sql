-- Where each partition of the topic is read next, and messages that could not be stored.
-- migrate:up

create table apistatus.kafka_offsets (
    cluster_id text not null,
    topic text not null,
    partition integer not null,
    next_offset bigint,
    epoch bigint not null,
    owner_backend integer not null,
    owner_backend_at timestamptz not null,
    claimed_at timestamptz not null default now(),
    stored_at timestamptz,
    consumer_group text not null,
    topic_id text,
    owner text not null,
    recent smallint[],
    primary key (cluster_id, topic, partition)
) with (fillfactor = 50);
comment on table apistatus.kafka_offsets is
    'How far each partition is stored, moved in the transaction of the rows. Kafka''s own offsets are never read.';
comment on column apistatus.kafka_offsets.cluster_id is 'Id of the Kafka cluster.';
comment on column apistatus.kafka_offsets.topic is 'The topic.';
comment on column apistatus.kafka_offsets.partition is 'The partition.';
comment on column apistatus.kafka_offsets.next_offset is 'First offset that is not stored; null: nothing is.';
comment on column apistatus.kafka_offsets.epoch is 'Number of the claim: only its owner may move the offset.';
comment on column apistatus.kafka_offsets.owner_backend is 'Process id of the owner''s database session.';
comment on column apistatus.kafka_offsets.owner_backend_at is 'When that session began.';
comment on column apistatus.kafka_offsets.claimed_at is 'When the owner claimed the partition.';
comment on column apistatus.kafka_offsets.consumer_group is 'KAFKA_CONSUMER_GROUP of the owner: one per database and topic.';
comment on column apistatus.kafka_offsets.topic_id is
    'Id of the topic; another one means that it was made anew. Null where the broker has none.';
comment on column apistatus.kafka_offsets.owner is 'The consumer that claimed it: host, process and a random part.';
comment on column apistatus.kafka_offsets.stored_at is 'When something of it was stored last.';
comment on column apistatus.kafka_offsets.recent is
    'How many of the last 1,000 messages of that consumer could not be stored: messages and bad ones in an open step of '
    '50, then bad ones in each step before it; null: none.';

create function apistatus.advance_offsets(
    cluster text, topic_name text, partitions integer[], epochs bigint[], expected bigint[], next bigint[],
    recently smallint[]
) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    fenced integer[] := '{}';
begin
    for i in 1 .. cardinality(partitions) loop
        update apistatus.kafka_offsets o set next_offset = next[i], stored_at = now(), recent = recently
        where o.cluster_id = cluster and o.topic = topic_name and o.partition = partitions[i]
            and o.epoch = epochs[i] and o.next_offset is not distinct from expected[i];
        if not found then
            fenced := fenced || partitions[i];
        end if;
    end loop;
    if cardinality(fenced) > 0 then
        raise exception 'another consumer has claimed these partitions' using errcode = 'AS001', detail = fenced::text;
    end if;
end
$$;
comment on function apistatus.advance_offsets is
    'Move offsets by compare-and-swap, in the order given (sorted by partition, or two consumers may deadlock). '
    'Raises AS001 with the partitions in DETAIL when another consumer has claimed any of them.';

create table apistatus.lost_messages (
    from_offset bigint not null,
    until_offset bigint not null,
    found_at timestamptz not null default now(),
    partition integer not null,
    cluster_id text not null,
    topic text not null,
    topic_id text not null default '',
    primary key (cluster_id, topic, topic_id, partition, from_offset),
    check (until_offset > from_offset)
);
comment on table apistatus.lost_messages is
    'Messages that Kafka had deleted (retention) before they were stored, and that were given up.';
comment on column apistatus.lost_messages.from_offset is 'First offset that was lost.';
comment on column apistatus.lost_messages.until_offset is 'First offset after it that was not.';
comment on column apistatus.lost_messages.found_at is 'When that was found.';
comment on column apistatus.lost_messages.partition is 'The partition.';
comment on column apistatus.lost_messages.cluster_id is 'Id of the Kafka cluster.';
comment on column apistatus.lost_messages.topic is 'The topic.';
comment on column apistatus.lost_messages.topic_id is 'Id of the topic; empty where the broker has none.';

create table apistatus.dead_letter (
    id bigint generated always as identity primary key,
    "offset" bigint not null,
    received_at timestamptz not null default now(),
    message_at timestamptz,
    forwarded_at timestamptz,
    replayed_at timestamptz,
    discarded_at timestamptz,
    partition integer not null,
    attempts integer not null default 0,
    cluster_id text not null,
    topic text not null,
    topic_id text not null default '',
    reason text not null,
    message text not null,
    forward_error text,
    key bytea,
    value bytea,
    header_names text[] not null default '{}',
    header_values bytea[] not null default '{}',
    unique (cluster_id, topic, topic_id, partition, "offset"),
    check (cardinality(header_names) = cardinality(header_values))
);
create index dead_letter_unforwarded on apistatus.dead_letter (id)
    where forwarded_at is null and forward_error is null and discarded_at is null;
comment on table apistatus.dead_letter is
    'Messages that could not be stored, as they came. For people: view dead_letters.';
comment on column apistatus.dead_letter.id is 'Number of the dead letter.';
comment on column apistatus.dead_letter."offset" is 'Offset of the message.';
comment on column apistatus.dead_letter.received_at is 'When it was put aside.';
comment on column apistatus.dead_letter.message_at is 'Kafka''s timestamp of the message.';
comment on column apistatus.dead_letter.forwarded_at is 'When it was sent to the dead letter topic; null: not yet.';
comment on column apistatus.dead_letter.replayed_at is 'When it was sent to its own topic again; null: never.';
comment on column apistatus.dead_letter.discarded_at is 'When a person gave it up; null: never.';
comment on column apistatus.dead_letter.partition is 'Partition of the message.';
comment on column apistatus.dead_letter.attempts is 'How often it was replayed.';
comment on column apistatus.dead_letter.cluster_id is 'Id of the Kafka cluster.';
comment on column apistatus.dead_letter.topic is 'Topic of the message.';
comment on column apistatus.dead_letter.topic_id is 'Id of the topic; empty where the broker has none.';
comment on column apistatus.dead_letter.reason is 'Short code of the reason.';
comment on column apistatus.dead_letter.message is 'The reason, one line for people.';
comment on column apistatus.dead_letter.forward_error is
    'Why the dead letter topic can never take it; null: it can.';
comment on column apistatus.dead_letter.key is 'Key of the message.';
comment on column apistatus.dead_letter.value is 'Value of the message.';
comment on column apistatus.dead_letter.header_names is 'Names of its headers.';
comment on column apistatus.dead_letter.header_values is 'Values of its headers.';

-- migrate:down

drop table apistatus.dead_letter;
drop table apistatus.lost_messages;
drop function apistatus.advance_offsets(text, text, integer[], bigint[], bigint[], bigint[], smallint[]);
drop table apistatus.kafka_offsets;
