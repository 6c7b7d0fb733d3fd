"""Faults on purpose, on real services, each run ending in the same audit: `make faults`."""
