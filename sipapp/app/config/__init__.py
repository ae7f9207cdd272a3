"""The configuration: what an operator can decide, and how it is written down.

Read ``values`` first: every key with its default, bounds and words. ``sources`` finds what was
written, ``readers`` judge one value, ``cross_checks`` judge combinations, ``load`` puts them
together, ``reference`` writes texts from the keys. Nothing in here knows Twisted.
"""

from __future__ import annotations

__all__ = ["Config", "Loaded", "load"]

from sipapp.app.config.load import Loaded, load
from sipapp.app.config.values import Config
