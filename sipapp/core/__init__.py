"""SIP elements built from transactions: proxy, registrar, redirect server (RFC 3261 10, 8.3, 16)."""
