"""A request too large for one packet leaves over TCP although it came over UDP. RFC 3261 18.1.1."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.interop.baresip import Baresip
from tests.interop.program import free_port
from tests.interop.servers import DOMAIN, PASSWORD, Server
from tests.interop.sipp import called, caller
from tests.interop.user_agent import UserAgent

pytestmark = pytest.mark.interop


def test_phone_that_listens_on_tcp(open_server: Server, tmp_path: Path) -> None:
    """Bob registered over UDP, with no transport in his Contact; TCP brings him the INVITE."""
    address = open_server.address
    phone = Baresip(tmp_path, address, "bob", domain=DOMAIN, transport="udp", password=PASSWORD)
    with (
        closing(phone) as bob,
        caller(tmp_path, address, "bob", scenario="large_invite") as sipp,
    ):
        bob.events.expect("CALL_INCOMING")
        bob.trace.expect(rf"^TCP 127\.0\.0\.1:\d+ -> 127\.0\.0\.1:{bob.port}\nINVITE ")
        bob.command("accept")
        assert sipp.wait(30) == 0
        bob.events.expect("CALL_CLOSED")


def test_phone_that_does_not(peer: str, open_server: Server, tmp_path: Path) -> None:
    """Nobody listens on TCP: the same request is tried over UDP."""
    if peer == "kamailio":
        pytest.skip("the control does not try again")
    port = free_port()
    with UserAgent(open_server.address, DOMAIN) as agent:
        answer = agent.register("dave", f"Contact: <sip:dave@127.0.0.1:{port}>", "Expires: 60")
    assert answer is not None
    assert answer.status == 200
    with (
        called(tmp_path, port),
        caller(tmp_path, open_server.address, "dave", scenario="large_invite") as sipp,
    ):
        assert sipp.wait(30) == 0
