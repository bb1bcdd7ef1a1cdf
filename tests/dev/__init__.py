"""The development tests: real servers, real processes."""
