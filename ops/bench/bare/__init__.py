"""The bare baselines: the same work with nothing around it, as short as honest."""
