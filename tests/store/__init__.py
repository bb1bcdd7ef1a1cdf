"""The books on a real PostgreSQL."""
