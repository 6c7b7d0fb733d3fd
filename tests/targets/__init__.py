"""Targets that behave badly on purpose, on raw sockets: one port on loopback per behaviour."""
