"""sipsak, the health probe of many a container. Its exit status is 0 for a 2xx only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.program import Program
from tests.interop.servers import Server

pytestmark = pytest.mark.interop


def test_options(server: Server, tmp_path: Path) -> None:
    """OPTIONS is answered 200 without credentials. RFC 3261 11."""
    host, port = server.address
    assert Program(["sipsak", "-v", "-s", f"sip:{host}:{port}"], cwd=tmp_path).wait(20) == 0
