"""Tests of the harness: the verdict finds what is planted, and a storm follows from its seed."""
