-- No two servers were started in the same microsecond.
select pg_postmaster_start_time(), oid from pg_database where datname = current_database()
