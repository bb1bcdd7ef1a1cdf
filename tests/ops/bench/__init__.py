"""Tests of the bench's own parts."""
