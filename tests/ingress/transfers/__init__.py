"""Tests of deposits, withdrawals, callbacks and webhooks, on books in memory."""
