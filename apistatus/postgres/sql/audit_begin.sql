select
    set_config('timezone', 'UTC', true),
    set_config('statement_timeout', '0', true),
    set_config('work_mem', '64MB', true),
    now()
