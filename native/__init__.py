"""The muscle: a C++ verifier of HMAC-SHA256 signatures and its pure-Python twin."""
