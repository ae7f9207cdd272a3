"""sipapp, the SIP application server that people program in Python."""

__version__ = "0.1.0"
