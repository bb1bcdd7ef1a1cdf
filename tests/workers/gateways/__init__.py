"""The adapters, against answers that a test writes."""
