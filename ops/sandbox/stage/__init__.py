"""What the simulators of real providers have in common: one process, one ledger, scripted faults."""
