create table if not exists apistatus.migrations (
    version text primary key,
    file text not null,
    sha256 text not null,
    applied_at timestamptz not null default now(),
    applied_by text not null default current_user,
    duration_ms integer not null,
    apistatus_version text not null
);
comment on table apistatus.migrations is 'The migration files that made this schema.';
comment on column apistatus.migrations.version is 'Digits that the file name begins with.';
comment on column apistatus.migrations.file is 'Name of the file.';
comment on column apistatus.migrations.sha256 is 'SHA-256 of its text, so that a later edit is noticed.';
comment on column apistatus.migrations.applied_at is 'When it was applied.';
comment on column apistatus.migrations.applied_by is 'The role that applied it.';
comment on column apistatus.migrations.duration_ms is 'How long it took.';
comment on column apistatus.migrations.apistatus_version is 'Version of apistatus that applied it.';
