-- Kafka may take its time while the letters are locked, and another command may wait for them.
select
    set_config('idle_in_transaction_session_timeout', '60s', true),
    set_config('lock_timeout', '40s', true)
