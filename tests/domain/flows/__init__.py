"""The flows on books in memory, with gateways that answer by script."""
