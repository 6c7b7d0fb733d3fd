select
    set_config('statement_timeout', '60s', false),
    set_config('lock_timeout', '5s', false),
    set_config('idle_in_transaction_session_timeout', '15s', false),
    set_config('timezone', 'UTC', false),
    -- A batch has to see what another connection has numbered meanwhile.
    set_config('default_transaction_isolation', 'read committed', false)
