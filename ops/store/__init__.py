"""The books: tables, repositories and the unit of work, on PostgreSQL and (for tests) in memory."""
