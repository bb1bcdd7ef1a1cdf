"""The books in memory: the twin of the PostgreSQL store, with the same promises, for tests and mocks."""
