"""The contract: what the door promises, written out as the data of an OpenAPI document."""
