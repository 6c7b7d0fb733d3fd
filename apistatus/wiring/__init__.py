"""The composition root: settings in, adapters built, rooms connected, exit code out.

The only package that knows all rooms. Imports are inside the functions, so that a command loads only
what it needs: `apistatus --help` must answer at once.
"""
