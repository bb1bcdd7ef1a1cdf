"""An adapter that fails while it is imported, as a half-installed library would."""

BROKEN = 1 // 0
