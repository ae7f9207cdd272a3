"""The fixture ``make_lab``, for the tests of applications; pytest finds it by entry point.

Nothing of sipapp is imported before a test asks for it: pytest loads this before it measures
coverage, and in every project that has sipapp installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest


@pytest.fixture
def make_lab() -> Iterator[Callable[..., object]]:
    """Make a `sipapp.app.testing.Lab` from its arguments; it is closed, and checked, at the end."""
    from sipapp.app.testing import Lab

    with ExitStack() as labs:
        yield lambda **settings: labs.enter_context(Lab(**settings))
