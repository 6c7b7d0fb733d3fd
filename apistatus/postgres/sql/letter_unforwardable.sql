update apistatus.dead_letter set forward_error = %(reason)s where id = %(id)s
