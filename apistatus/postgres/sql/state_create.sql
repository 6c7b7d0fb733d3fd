create temporary table if not exists folded_checks (
    first_at timestamptz not null,
    seen_at timestamptz not null,
    verdict_at timestamptz,
    since_at timestamptz,
    unknown_since_at timestamptz,
    certificate_expires_at timestamptz,
    check_id integer not null,
    total_us integer,
    location_id smallint not null,
    status smallint,
    failure smallint,
    changed smallint not null,
    value text,
    error text
) on commit delete rows
