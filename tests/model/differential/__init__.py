"""The books in memory against PostgreSQL: the same interleaved calls, the same answers and waits."""
