"""Everything on one machine: servers from wheels, and a supervisor that keeps programs up."""
