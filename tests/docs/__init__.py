"""README.md held against the program. `python -m tests.docs` writes its generated tables anew."""
