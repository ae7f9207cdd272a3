"""User agent layer: dialogs, sessions, authentication (RFC 3261 8, 12, 22)."""
