"""Payouts: what they are, how they move, and the requests that move them."""
