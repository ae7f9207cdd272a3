"""SIP elements built from transactions: proxy, registrar, redirect (RFC 3261 10, 8.3, 16)."""
