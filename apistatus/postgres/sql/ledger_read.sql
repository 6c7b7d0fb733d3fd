select version, file, sha256, to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'
from apistatus.migrations
