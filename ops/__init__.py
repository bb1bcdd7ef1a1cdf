"""What every program stands on, and what operators use."""
