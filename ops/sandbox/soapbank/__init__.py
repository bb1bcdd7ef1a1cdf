"""A bank that speaks SOAP, simulated: PROTOCOL.md is what it promises."""
