"""A payment provider for development and tests: its own process, its own ledger, its own faults."""
