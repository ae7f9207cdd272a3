"""The wire format: octets to values and back, with no I/O and no framework (RFC 3261 7, 19, 20, 25)."""
