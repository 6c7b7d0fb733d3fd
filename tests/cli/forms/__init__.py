"""Readers of what `check-once` prints, as strict as the strictest of those who read it for real."""
