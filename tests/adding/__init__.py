"""A sixth provider, added as `workers/gateways/ADDING.md` says."""
