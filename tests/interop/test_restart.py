"""A server that dies while its users talk: a proxied dialog is in nobody's memory but theirs."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.interop.baresip import Baresip
from tests.interop.servers import DOMAIN, PASSWORD, Server, start

pytestmark = pytest.mark.interop


def register(server: Server, directory: Path, user: str) -> Baresip:
    """A phone on UDP, which does not notice that a server was away."""
    directory.mkdir()
    return Baresip(
        directory, server.address, user, domain=DOMAIN, transport="udp", password=PASSWORD
    )


@pytest.mark.parametrize("who_ends", ["alice", "bob"])
def test_call_ends_after_kill(peer: str, tmp_path: Path, who_ends: str) -> None:
    """After kill -9 the BYE of either side follows the signed route set. RFC 3261 16.12."""
    if peer != "sipapp":
        pytest.skip("the control is several processes")
    store = f"sqlite:{tmp_path}/sipapp.sqlite"
    first = start(peer, tmp_path, auth="none", store=store)
    with ExitStack() as servers, ExitStack() as phones:
        servers.callback(first.program.end)
        alice = phones.enter_context(closing(register(first, tmp_path / "alice", "alice")))
        bob = phones.enter_context(closing(register(first, tmp_path / "bob", "bob")))
        alice.command("dial", bob.aor)
        bob.events.expect("CALL_INCOMING")
        bob.command("accept")
        for phone in (alice, bob):
            phone.events.expect("CALL_ESTABLISHED")
        first.program.kill()
        second = start(peer, tmp_path, auth="none", store=store, port=first.address[1])
        servers.callback(second.program.end)
        ends, other = (alice, bob) if who_ends == "alice" else (bob, alice)
        ends.command("hangup")
        other.events.expect("CALL_CLOSED Connection reset by peer")
        assert first.mishaps + second.mishaps == []
