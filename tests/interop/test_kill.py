"""A registrar that loses its power in the middle of a rush of registrations."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.interop.program import free_port
from tests.interop.servers import DOMAIN, Server, start
from tests.interop.user_agent import UserAgent, storm

pytestmark = pytest.mark.interop

KILLS = 20
USERS = 2_000


@pytest.fixture(autouse=True)
def sipapp_only(peer: str) -> None:
    """The control keeps its bindings in memory only."""
    if peer != "sipapp":
        pytest.skip("the control has no storage")


def lost(server: Server, users: set[str]) -> set[str]:
    """Which of the users the server knows no binding of."""
    with UserAgent(server.address, DOMAIN) as agent:
        answers = {user: agent.register(user) for user in users}
    return {
        user
        for user, answer in answers.items()
        if answer is None or f"<sip:{user}@192.0.2.1>" not in "".join(answer.values("Contact"))
    }


def test_acknowledged_bindings_survive(tmp_path: Path) -> None:
    """No binding that was answered 200 is missing after kill -9, twenty times at random moments."""
    moments = random.Random(3261)
    store = f"sqlite:{tmp_path}/sipapp.sqlite"
    port = free_port()
    latest: set[str] = set()
    everybody: set[str] = set()
    for number in range(KILLS):
        server = start("sipapp", tmp_path, auth="none", store=store, port=port)
        try:
            assert lost(server, latest) == set()
            enough = moments.randrange(100, USERS)
            with UserAgent(server.address, DOMAIN) as agent:
                latest = storm(agent, f"k{number}u", USERS, enough)
        finally:
            server.program.kill()
        assert server.mishaps == []
        assert len(latest) == enough
        everybody |= latest
    server = start("sipapp", tmp_path, auth="none", store=store, port=port)
    with server.program:
        assert lost(server, everybody) == set()
