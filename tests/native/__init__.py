"""The native verifier, its fallback and its build."""
