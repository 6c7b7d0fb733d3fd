-- For this transaction. Before autovacuum has looked at a day, its plan is to read all of it for every hour.
select set_config('enable_seqscan', 'off', true)
