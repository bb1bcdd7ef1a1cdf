"""Telemetry: what the programs say about themselves, without saying what they must not."""
