select to_regclass('apistatus.migrations') is not null
