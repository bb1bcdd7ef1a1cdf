"""The sandbox provider, tested over real sockets against a real process."""
