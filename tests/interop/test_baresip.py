"""Two baresip phones, one on UDP and one on TCP, call each other through the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.baresip import Baresip

pytestmark = pytest.mark.interop

Phones = dict[str, Baresip]


@pytest.fixture(scope="module")
def phones(baresip: Callable[[str, str], Baresip]) -> Phones:
    """Alice on UDP, Bob on TCP; both have answered the challenge when this returns."""
    return {"alice": baresip("alice", "udp"), "bob": baresip("bob", "tcp")}


def set_up(caller: Baresip, called: Baresip) -> None:
    """Ring, answer, and wait until each hears the other."""
    caller.command("dial", called.aor)
    called.events.expect(f"CALL_INCOMING {caller.aor}")
    caller.events.expect("CALL_RINGING")
    called.command("accept")
    for phone in (caller, called):
        phone.events.expect("CALL_ESTABLISHED", "CALL_RTPESTAB audio")


@pytest.mark.parametrize("caller", ["alice", "bob"])
@pytest.mark.parametrize("who_ends", ["alice", "bob"])
def test_call(phones: Phones, caller: str, who_ends: str) -> None:
    """A call with audio, set up in either direction, ends whoever hangs up. RFC 3261 13, 15, 16."""
    ends, other = phones[who_ends], phones["bob" if who_ends == "alice" else "alice"]
    set_up(phones[caller], phones["bob" if caller == "alice" else "alice"])
    ends.command("hangup")
    ends.events.expect("CALL_CLOSED Connection reset by user")
    other.events.expect("CALL_CLOSED Connection reset by peer")


@pytest.mark.parametrize(("caller", "called"), [("alice", "bob"), ("bob", "alice")])
def test_caller_gives_up(phones: Phones, caller: str, called: str) -> None:
    """CANCEL follows the INVITE; the called phone stops ringing. RFC 3261 9, 16.10."""
    phones[caller].command("dial", phones[called].aor)
    phones[caller].events.expect("CALL_RINGING")
    phones[called].events.expect("CALL_INCOMING")
    phones[caller].command("hangup")
    phones[called].events.expect("CALL_CLOSED")
    phones[caller].events.expect("CALL_CLOSED")
    phones[caller].trace.expect("SIP/2.0 487 ")


@pytest.mark.parametrize(("caller", "called"), [("alice", "bob"), ("bob", "alice")])
def test_called_refuses(phones: Phones, caller: str, called: str) -> None:
    """The final answer of the only target goes to the caller. RFC 3261 16.7."""
    phones[caller].command("dial", phones[called].aor)
    phones[caller].events.expect("CALL_RINGING")
    phones[called].events.expect("CALL_INCOMING")
    phones[called].command("hangup")
    phones[caller].events.expect("CALL_CLOSED 486")


def test_nobody_is_there(phones: Phones) -> None:
    """Who has an account and no binding is not available. RFC 3261 16.5."""
    phones["alice"].command("dial", "sip:dave@example.test")
    phones["alice"].events.expect("CALL_CLOSED (404|480)")


def test_unregister(baresip: Callable[[str, str], Baresip], phones: Phones) -> None:
    """A phone that quits takes its binding with it. RFC 3261 10.2.2."""
    baresip("dave", "tcp").close()
    phones["bob"].command("dial", "sip:dave@example.test")
    phones["bob"].events.expect("CALL_CLOSED (404|480)")
