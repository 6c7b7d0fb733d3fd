copy pg_temp.folded_checks (
    first_at, seen_at, verdict_at, since_at, unknown_since_at, certificate_expires_at, check_id, total_us,
    location_id, status, failure, changed, value, error
) from stdin (format binary)
