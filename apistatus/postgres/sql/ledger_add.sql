insert into apistatus.migrations (version, file, sha256, duration_ms, apistatus_version)
values (%s, %s, %s, %s, %s)
