"""Midtrans: Core API charges in rupiah, and Iris payouts."""

from workers.gateways.midtrans.adapter import Midtrans

__all__ = ["Midtrans"]
