"""The mind: values, decisions and flows of PayLink, on the standard library only."""
