copy apistatus.results (
    scheduled_at, check_id, start_delay_us, total_us, resolve_us, connect_us, tls_us, processing_us, transfer_us,
    size_bytes, sla_ms, location_id, status, attempts, flags, status_code, failure, phase, value, error
) from stdin (format binary)
