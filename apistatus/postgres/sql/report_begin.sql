select
    set_config('timezone', 'UTC', true),
    set_config('statement_timeout', '120s', true),
    set_config('work_mem', '64MB', true),
    set_config('jit', 'off', true),
    now()
