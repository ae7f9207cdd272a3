"""A call that a real phone does not answer goes on to another one. RFC 5806, 7044."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.interop.baresip import Baresip
from tests.interop.linphone import Linphone
from tests.interop.servers import Server, start

pytestmark = pytest.mark.interop

RULES = """
apps = ["registrar", "forwarding", "proxy"]

[[app.forwarding.rule]]
user = "bob"
when = "no-answer"
ring = 3
to = "sip:carol@example.test"

[[app.forwarding.rule]]
user = "dave"
to = "sip:bob@example.test"
"""

WRITTEN = {
    "bob": [
        r"Diversion: <sip:bob@example\.test[^>]*>;reason=no-answer;",
        r"History-Info: <sip:bob@example\.test[^>]*\?Reason=SIP%3Bcause%3D408>;index=1, ",
    ],
    "dave": [
        r"Diversion: <sip:dave@example\.test[^>]*>;reason=unconditional;",
        r"History-Info: <sip:dave@example\.test[^>]*\?Reason=SIP%3Bcause%3D302>;index=1, ",
    ],
}
"""What Linphone writes into its log of the INVITE."""


@pytest.fixture(scope="module")
def server(peer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with digest that forwards."""
    if peer != "sipapp":
        pytest.skip("the control has no application for it")
    directory = tmp_path_factory.mktemp("server")
    config = directory / "sipapp.toml"
    config.write_text(RULES, encoding="utf-8")
    store = f"sqlite:{directory}/sipapp.sqlite"
    server = start(peer, directory, auth="digest", store=store, config=config)
    with server.program:
        yield server
    assert server.mishaps == []


@pytest.mark.parametrize("called", ["bob", "dave"])
def test_a_call_is_forwarded_until_somebody_answers(
    baresip: Callable[[str, str], Baresip], linphone: Linphone, called: str
) -> None:
    """Dave has all calls sent to Bob; Bob's baresip rings in vain; Carol's linphone takes it."""
    alice, bob = baresip("alice", "udp"), baresip("bob", "tcp")
    alice.command("dial", f"sip:{called}@example.test")
    bob.events.expect("CALL_INCOMING")
    alice.events.expect("CALL_RINGING")
    linphone.trace.expect("Event: LinphoneCallIncomingReceived")
    bob.events.expect("CALL_CLOSED")
    linphone.command("answer")
    linphone.trace.expect("Event: LinphoneCallStreamsRunning")
    alice.events.expect("CALL_ESTABLISHED")
    for written in WRITTEN[called]:
        assert re.search(written, linphone.trace.text)
    alice.command("hangup")
    linphone.trace.expect("Event: LinphoneCallReleased")
    for phone in (alice, bob):
        phone.close()
