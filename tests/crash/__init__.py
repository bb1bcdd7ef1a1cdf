"""The crash matrix: the real programs, struck at every step boundary in every way."""
