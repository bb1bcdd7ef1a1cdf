"""The proof, room by room."""
