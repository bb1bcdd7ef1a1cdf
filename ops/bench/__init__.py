"""The bench: the real programs beside bare ones, in turns, on a machine that others use too."""
