"""Chaos: the real programs under load while providers fail, servers vanish and programs are killed."""
