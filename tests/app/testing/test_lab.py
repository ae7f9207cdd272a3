"""The bench itself: what it tells, what it refuses, and how several servers share one."""

from __future__ import annotations

import pytest

from sipapp.app.testing import Lab


def test_the_scene_is_told_once_and_by_name() -> None:
    """Phones of one user are numbered, connections and losses are marked."""
    with Lab(name="proxy") as lab:
        lab.phone("bob")
        bob2, carol = lab.phone("bob"), lab.phone("carol", transport="TCP")
        bob2.request("OPTIONS", "sip:example.test")
        carol.request("OPTIONS", "sip:example.test")
        lab.advance()
        assert lab.scene() == [
            "bob2 -> proxy OPTIONS",
            "TCP carol -> proxy SYN",
            "proxy -> bob2 200 OPTIONS",
            "TCP carol -> proxy OPTIONS",
            "TCP proxy -> carol 200 OPTIONS",
        ]
        lab.network.loss = 1.0
        bob2.send(b"\r\n\r\n")
        lab.advance()
        assert lab.scene() == ["bob2 -> proxy lost"]


def test_registrations_are_no_part_of_the_scene() -> None:
    """`registered` leaves an empty inbox and an empty scene, with a password too."""
    with Lab(users={"bob": "builder"}) as lab:
        bob = lab.registered("bob", password="builder")
        assert (bob.heard, lab.scene()) == ([], [])


def test_a_message_that_did_not_come_shows_the_ladder() -> None:
    """A failing test says what happened instead."""
    with Lab() as lab:
        alice = lab.phone("alice")
        alice.request("OPTIONS", "sip:example.test")
        lab.advance()
        with pytest.raises(AssertionError, match=r"alice got no 404\n.* OPTIONS sip:example.test"):
            alice.take_response(404)
        with pytest.raises(AssertionError, match=r"alice got no INVITE\n(.*\n)+.* SIP/2.0 200 OK"):
            alice.take_request("INVITE")
        assert alice.take_response(200, "OPTIONS").status == 200


def test_servers_side_by_side() -> None:
    """One clock, one network, one DNS; each has its own domain and secret."""
    with Lab(domain="a.test") as one, Lab(domain="b.test", hosts=["::1"], beside=one) as two:
        assert (one.clock, one.network, one.zone) == (two.clock, two.network, two.zone)
        phones = [one.phone("alice"), two.phone("bob", host="2001:db8::2")]
        for phone, lab in zip(phones, (one, two), strict=True):
            phone.request("OPTIONS", f"sip:{lab.domain}")
        one.advance()
        assert [phone.heard for phone in phones] == [["200"], ["200"]]


def test_a_restart_forgets_bindings_and_keeps_accounts() -> None:
    """Like a process that was killed, with the memory store."""
    with Lab(users={"bob": "builder"}) as lab:
        lab.registered("bob", password="builder")
        lab.restart()
        assert list(lab.server.stores.locations.lookup("sip:bob@example.test")) == []
        lab.registered("bob", password="builder")


def test_what_is_still_scheduled_at_the_end_is_a_leak() -> None:
    """Close fails; every test has that check for nothing."""
    lab = Lab()
    lab.clock.callLater(1, list)
    with pytest.raises(AssertionError, match="delayed calls are left"):
        lab.close()


def test_a_server_that_stops_in_a_call_leaves_nothing() -> None:
    """Transactions, ringing branches and connections end with it."""
    with Lab() as lab:
        lab.registered("bob", transport="TCP")
        lab.phone("alice", transport="TCP").invite("bob")
        lab.advance(1)
        transactions = lab.server.transactions
        assert (transactions.server_count, transactions.client_count) == (1, 1)
    assert (transactions.server_count, transactions.client_count) == (0, 0)


def test_a_message_dropped_by_a_bug_fails_the_test() -> None:
    """The server goes on, as it would in earnest; close fails."""
    lab = Lab()
    lab.server._receiver = None  # type: ignore[assignment]  # a bug
    lab.phone("alice").request("OPTIONS", "sip:example.test")
    lab.advance()
    with pytest.raises(AssertionError, match="dropped by a bug"):
        lab.close()


def test_time_passes_from_one_call_to_the_next() -> None:
    """What becomes due on the way is done on the way."""
    with Lab() as lab:
        seen: list[float] = []

        def again() -> None:
            seen.append(lab.clock.seconds())
            if len(seen) < 4:
                lab.clock.callLater(0.25, again)

        lab.clock.callLater(0.25, again)
        lab.advance(1.1)
        assert seen == [1000.25, 1000.5, 1000.75, 1001.0]
