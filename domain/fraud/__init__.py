"""Fraud: pure functions from what is known about a payment to one decision."""
