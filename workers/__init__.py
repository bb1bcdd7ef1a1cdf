"""The hands: actors, and all that touches a provider."""
