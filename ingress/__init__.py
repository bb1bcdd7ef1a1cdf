"""The door: parse, remember, enqueue, answer. It never calls a provider."""
