"""The wire format: octets to values and back, without I/O or framework (RFC 3261 7, 19, 20, 25)."""
