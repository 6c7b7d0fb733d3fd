-- What a Selection means; included by the statements on dead letters.
where (%(ids)s::bigint[] is null or id = any(%(ids)s::bigint[]))
    and (%(reasons)s::text[] is null or reason = any(%(reasons)s::text[]))
    and (%(partition)s::integer is null or partition = %(partition)s::integer)
    and (%(first_offset)s::bigint is null or "offset" >= %(first_offset)s::bigint)
    and (%(last_offset)s::bigint is null or "offset" <= %(last_offset)s::bigint)
    and (%(since)s::timestamptz is null or received_at >= %(since)s::timestamptz)
    and (%(topic)s::text is null or topic = %(topic)s::text)
    and (%(cluster_id)s::text is null or cluster_id = %(cluster_id)s::text)
    and case
        when discarded_at is not null then 'discarded'
        when replayed_at is not null then 'replayed'
        else 'open'
    end = any(%(states)s::text[])
    and (not %(unforwarded)s::boolean
        or (forwarded_at is null and forward_error is null and discarded_at is null))
