"""Which message belongs to which transaction (RFC 3261 17.1.3, 17.2.3)."""

from __future__ import annotations

import pytest

from sipapp.errors import UsageError
from sipapp.message.message import response_to
from sipapp.transaction.matching import client_key, has_branch, response_key, server_key
from tests.transaction.stage import Stage, as_request, request_text

OLD = "SIP/2.0/UDP client.example.com"
"""The Via of an RFC 2543 peer."""


@pytest.mark.parametrize(
    ("branch", "expected"),
    [
        ("z9hG4bKa", True),
        ("z9hG4bK", False),
        ("1", False),
        ("Z9HG4BKa", False),
        ("", False),
        (None, False),
    ],
)
def test_what_counts_as_a_branch(branch: str | None, expected: bool) -> None:
    """RFC 3261 8.1.1.7: the cookie and something behind it."""
    assert has_branch(branch) is expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("UDP host;branch=z9hG4bKa", "UDP host;branch=z9hG4bKa;rport", True),
        ("UDP host;branch=z9hG4bKa", "UDP HOST:5060;branch=z9hG4bKa", True),
        ("TLS host;branch=z9hG4bKa", "TLS host:5061;branch=z9hG4bKa", True),
        ("TLS host;branch=z9hG4bKa", "TLS host:5060;branch=z9hG4bKa", False),
        ("UDP [2001:DB8::1];branch=z9hG4bKa", "UDP [2001:db8:0::1];branch=z9hG4bKa", True),
        ("UDP host;branch=z9hG4bKa", "UDP host;branch=z9hG4bKb", False),
        ("UDP host;branch=z9hG4bKa", "UDP other;branch=z9hG4bKa", False),
        ("UDP host:5070;branch=z9hG4bKa", "UDP host;branch=z9hG4bKa", False),
    ],
)
def test_branch_and_sent_by(one: str, other: str, same: bool) -> None:
    """RFC 3261 17.2.3: hosts without regard to case, ports with the transport's default. [T05]"""
    keys = [
        server_key(as_request(request_text(via=f"SIP/2.0/{via}")), "INVITE") for via in (one, other)
    ]
    assert (keys[0] == keys[1]) is same


def test_the_method_tells_transactions_apart() -> None:
    """RFC 3261 17.1.3, 17.2.3: CANCEL has the branch of its INVITE."""
    invite, cancel = as_request(request_text()), as_request(request_text("CANCEL"))
    assert client_key(invite) != client_key(cancel)
    assert server_key(invite, "INVITE") != server_key(cancel, "CANCEL")
    assert server_key(invite, "INVITE") == server_key(cancel, "INVITE")


def test_a_response_finds_its_request() -> None:
    """RFC 3261 17.1.3: whatever else it says, its branch, CSeq number and method do."""
    request = as_request(request_text())
    assert response_key(response_to(request, 200, to_tag="b1")) == client_key(request)


def test_our_own_request_must_have_a_branch() -> None:
    """RFC 3261 8.1.1.7."""
    with pytest.raises(UsageError):
        client_key(as_request(request_text(via=OLD)))


@pytest.mark.parametrize(
    ("via", "cseq", "method"),
    [
        ("SIP/2.0/UDP client.example.com;branch=z9hG4bKtwo", "7 INVITE", "INVITE"),
        ("SIP/2.0/UDP client.example.com", "7 INVITE", "INVITE"),
        ("SIP/2.0/UDP client.example.com;branch=z9hG4bKone", "8 INVITE", "INVITE"),
        ("SIP/2.0/UDP client.example.com;branch=z9hG4bKone", "7 OPTIONS", "OPTIONS"),
    ],
)
def test_a_response_with_another_branch_or_cseq_is_discarded(
    stage: Stage, via: str, cseq: str, method: str
) -> None:
    """The slide answers a request with CSeq 1 by one with CSeq 2 and another branch. [E04]"""
    stage.send()
    stage.answer(as_request(request_text(method, via=via, cseq=cseq)), 200)
    assert stage.events == ["> INVITE", "stray 200"]


@pytest.mark.parametrize("branch", ["", ";branch=1", ";branch=z9hG4bK"])
class OldPeerTests:
    """A peer of RFC 2543: no branch, one without the cookie, or the cookie alone."""

    def test_a_repeated_request_is_absorbed(self, udp: Stage, branch: str) -> None:
        """RFC 3261 17.2.3: the same Request-URI, tags, Call-ID, CSeq and top Via."""
        text = request_text(via=OLD + branch)
        udp.respond(udp.open(text), 180)
        udp.come(text)
        assert udp.events == ["request INVITE", "> 180", "> 180"]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"INVITE sip:bob@", b"INVITE sip:carol@"),
            (b"tag=a7", b"tag=a8"),
            (b"call-1@", b"call-2@"),
            (b"CSeq: 7", b"CSeq: 8"),
            (b"UDP client.", b"UDP other."),
            (b"To: Bob <sip:bob@example.com>", b"To: Bob <sip:bob@example.com>;tag=b1"),
        ],
    )
    def test_each_of_them_tells_requests_apart(
        self, udp: Stage, branch: str, old: bytes, new: bytes
    ) -> None:
        """RFC 3261 17.2.3."""
        text = request_text(via=OLD + branch)
        udp.come(text)
        udp.come(text.replace(old, new, 1))
        assert udp.events == ["request INVITE", "request INVITE"]

    def test_the_ack_of_a_failure_is_absorbed(self, udp: Stage, branch: str) -> None:
        """RFC 3261 17.2.3: its To tag is the one of the response."""
        udp.respond(udp.open(request_text(via=OLD + branch)), 486)
        udp.come(request_text("ACK", via=OLD + branch, to_tag="b1"))
        udp.run(4.9)
        assert udp.events == ["request INVITE", "> 486"]

    def test_within_a_dialog_too(self, udp: Stage, branch: str) -> None:
        """The re-INVITE has the To tag already."""
        udp.respond(udp.open(request_text(via=OLD + branch, to_tag="b1")), 486)
        udp.come(request_text("ACK", via=OLD + branch, to_tag="b1"))
        udp.run(4.9)
        assert udp.events == ["request INVITE", "> 486"]

    def test_an_ack_with_another_to_tag_is_passed_up(self, udp: Stage, branch: str) -> None:
        """RFC 3261 17.2.3: it is for the 2xx of another branch of a fork."""
        udp.respond(udp.open(request_text(via=OLD + branch)), 486)
        udp.come(request_text("ACK", via=OLD + branch, to_tag="other"))
        assert udp.events == ["request INVITE", "> 486", "ack"]

    def test_the_ack_of_a_2xx_is_passed_up(self, udp: Stage, branch: str) -> None:
        """RFC 6026 6: it matches the transaction, which must not absorb it."""
        udp.respond(udp.open(request_text(via=OLD + branch)), 200)
        udp.come(request_text("ACK", via=OLD + branch, to_tag="b1"))
        assert udp.events == ["request INVITE", "> 200", "ack"]

    def test_cancel_finds_its_invite(self, udp: Stage, branch: str) -> None:
        """RFC 3261 9.2: as if the method were that of the INVITE."""
        udp.watch(udp.open(request_text(via=OLD + branch)))
        udp.come(request_text("CANCEL", via=OLD + branch))
        udp.come(request_text("CANCEL", via=OLD + branch))
        assert udp.events == ["request INVITE", "> 200", "cancelled", "> 200"]
