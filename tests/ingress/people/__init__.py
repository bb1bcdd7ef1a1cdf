"""Tests of the door's people: customers, saved methods, merchants."""
