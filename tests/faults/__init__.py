"""Faults between us and our stores: the real code behind a proxy that loses, delays and refuses."""
