select
    array(select o.hour from apistatus.open_hours o),
    array(select o.day from apistatus.open_days o),
    (select r.kept_from from apistatus.retention r)
