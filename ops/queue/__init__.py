"""The queue: wake-ups for workers. The rows are the work; a lost message costs seconds."""
