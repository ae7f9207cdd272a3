"""A stage for each test, over each kind of transport; none may leave anything behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.transaction.stage import Stage


@pytest.fixture
def udp() -> Iterator[Stage]:
    """A layer over an unreliable flow."""
    stage = Stage("UDP")
    yield stage
    stage.close()


@pytest.fixture
def tcp() -> Iterator[Stage]:
    """A layer over a reliable flow."""
    stage = Stage("TCP")
    yield stage
    stage.close()


@pytest.fixture(params=["UDP", "TCP"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A layer over either, for what does not depend on it."""
    stage = Stage(request.param)
    yield stage
    stage.close()
