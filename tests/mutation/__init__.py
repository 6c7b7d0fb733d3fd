"""Whether the unit tests notice when what decides a verdict is changed: `make mutants`."""
