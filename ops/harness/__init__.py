"""The harness: the real programs under fire, and a verdict from the providers' own ledgers."""
