"""One suite for every gateway adapter, each against its own provider's simulator."""
