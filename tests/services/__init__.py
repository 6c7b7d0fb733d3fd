"""Real services for tests: found or started on first use, ended by their own process ids."""
