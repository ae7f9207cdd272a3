"""Tests of applications on the whole stack, in virtual time and without a network.

Start with `Lab`: it runs the real server on a virtual clock and a virtual network, and gives
you phones to script.
"""

from __future__ import annotations

__all__ = ["Lab", "Phone"]

from sipapp.app.testing.lab import Lab
from sipapp.app.testing.phone import Phone
