"""What was to be expected, held against what is there. Pure: the facts are handed in."""
