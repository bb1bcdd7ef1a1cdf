"""The hands, against real servers."""
