select
    set_config('statement_timeout', '600s', false),
    set_config('lock_timeout', '2s', false),
    set_config('idle_in_transaction_session_timeout', '30s', false),
    set_config('work_mem', '64MB', false),
    set_config('timezone', 'UTC', false)
