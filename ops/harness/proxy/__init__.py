"""The fault proxy: PostgreSQL and Redis as they look through a bad network, one command at a time."""
