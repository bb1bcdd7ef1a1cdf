"""The operator's command, run as an operator runs it."""
