"""The soapbank protocol: our own for banks that speak SOAP."""

from __future__ import annotations

from workers.gateways.soapbank.adapter import PROVIDER, SoapBank

__all__ = ["PROVIDER", "SoapBank"]
