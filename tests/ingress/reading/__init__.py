"""What the door shows and never changes, on the real app and its real stores."""
