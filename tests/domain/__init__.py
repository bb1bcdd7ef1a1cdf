"""The rules as pure functions: no I/O, seconds."""
