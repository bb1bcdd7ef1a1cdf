"""The real programs, from the Procfile, on real servers."""
