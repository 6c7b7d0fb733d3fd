create temporary table if not exists staged_results (
    like apistatus.results,
    ordinal integer not null
) on commit delete rows
