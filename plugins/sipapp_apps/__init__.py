"""The applications that come with sipapp, found through the group ``sipapp.applications``."""

__version__ = "0.1.0"
