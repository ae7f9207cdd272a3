"""Linphone on TCP and baresip on UDP call each other through the server.

Linphone's Contact names the source port of its connection, where nobody listens: it is reached over
that connection or not at all. RFC 3261 18.1.1, RFC 5923.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.baresip import Baresip
from tests.interop.linphone import Linphone
from tests.interop.servers import DOMAIN, PASSWORD, start

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def alice(baresip: Callable[[str, str], Baresip]) -> Baresip:
    """Alice's baresip on UDP."""
    return baresip("alice", "udp")


def hang_up(linphone: Linphone, alice: Baresip, who_ends: str) -> None:
    """One ends the call; the other must notice."""
    if who_ends == "alice":
        alice.command("hangup")
        linphone.trace.expect("Event: LinphoneCallEnd")
    else:
        linphone.command("terminate")
    alice.events.expect("CALL_CLOSED")
    linphone.trace.expect("Event: LinphoneCallReleased")


@pytest.mark.parametrize("who_ends", ["alice", "linphone"])
def test_linphone_calls(linphone: Linphone, alice: Baresip, who_ends: str) -> None:
    """INVITE arrives over TCP and leaves over UDP; ACK and BYE follow the route set."""
    linphone.command(f"call {alice.aor}")
    alice.events.expect(f"CALL_INCOMING {linphone.aor}")
    linphone.trace.expect("Event: LinphoneCallOutgoingRinging")
    alice.command("accept")
    linphone.trace.expect("Event: LinphoneCallStreamsRunning")
    alice.events.expect("CALL_ESTABLISHED")
    hang_up(linphone, alice, who_ends)


@pytest.mark.parametrize("who_ends", ["alice", "linphone"])
def test_linphone_is_called(linphone: Linphone, alice: Baresip, who_ends: str) -> None:
    """Every request to Linphone takes the connection that it opened, the ACK as well."""
    alice.command("dial", linphone.aor)
    linphone.trace.expect("Event: LinphoneCallIncomingReceived")
    alice.events.expect("CALL_RINGING")
    linphone.command("answer")
    linphone.trace.expect("Event: LinphoneCallStreamsRunning")
    alice.events.expect("CALL_ESTABLISHED")
    hang_up(linphone, alice, who_ends)


def test_linphone_prefers_sha256(peer: str, tmp_path: Path) -> None:
    """Of two challenges it answers the first that it knows, which is ours. RFC 8760 2.4."""
    if peer != "sipapp":
        pytest.skip("the control knows MD5 only")
    server = start(
        peer,
        tmp_path,
        auth="digest",
        store=f"sqlite:{tmp_path}/sipapp.sqlite",
        environment={"SIPAPP_DIGEST__ALGORITHMS": "SHA-256,MD5"},
    )
    with server.program:
        phone = Linphone(
            tmp_path, server.address, "dave", domain=DOMAIN, transport="tcp", password=PASSWORD
        )
        phone.close()
        assert "Authorization:  Digest" in phone.trace.text
        assert "algorithm=SHA-256, username" in phone.trace.text
