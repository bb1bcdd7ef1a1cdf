"""The real flows under a seeded scheduler and a virtual clock: every history can be replayed."""
