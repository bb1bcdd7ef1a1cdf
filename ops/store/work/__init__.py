"""One open transaction on PostgreSQL, a file per subject; its SQL stands here to be read."""
