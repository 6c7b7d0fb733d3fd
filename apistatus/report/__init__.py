"""The report room: what a time was like, and what became of one check, as values and as pages. Pure."""
