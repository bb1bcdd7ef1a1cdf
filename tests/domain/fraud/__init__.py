"""Tests of the fraud rules, the score and the decision table."""
