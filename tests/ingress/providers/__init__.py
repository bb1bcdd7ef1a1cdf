"""Tests of the gateways at the door."""
