"""The route set: what we write, and what we take for our own when it comes back."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from sipapp.core.routing import RouteSet, Taken
from sipapp.errors import MessageError
from sipapp.message.fields import split_list
from sipapp.message.headers import Headers
from sipapp.message.message import Request
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Hop
from sipapp.transport.later import Later
from sipapp.ua.signature import Signer

HERE = ("192.0.2.10", 5060)


def route_set() -> RouteSet:
    """The route set of a server at HERE."""
    return RouteSet(Signer(b"k" * 32), lambda host, port: (host, port or 5060) == HERE)


def flow(transport: str = "UDP", sent_by: str = "192.0.2.10:5060") -> Flow:
    """A flow that says who we are; nothing is sent."""
    return Flow(transport, HERE, ("198.51.100.1", 5060), sent_by, Later(Clock()))


def request(
    *routes: bytes,
    uri: bytes = b"sip:b@198.51.100.2",
    call_id: bytes = b"c1",
    via: bytes = b"198.51.100.1",
) -> Request:
    """A request with these Route lines."""
    headers = Headers([], [])
    headers.add("Via", b"SIP/2.0/UDP %b;branch=z9hG4bKx" % via)
    headers.add("Call-ID", call_id)
    for route in routes:
        headers.add("Route", route)
    return Request("BYE", uri, headers)


def minted(call_id: bytes = b"c1") -> bytes:
    """Our Record-Route value for a call."""
    (value,) = route_set().record_routes(request(call_id=call_id), flow(), flow())
    return value


class WritingTests:
    """Record-Route."""

    def test_one_value_when_both_sides_are_alike(self) -> None:
        """RFC 3261 16.6 step 4: sip, our address, lr, and the signature of the Call-ID."""
        value = minted()
        assert value.startswith(b"<sip:192.0.2.10:5060;lr;d=")
        assert len(value) == len(b"<sip:192.0.2.10:5060;lr;d=>") + 12

    def test_two_values_when_transports_differ(self) -> None:
        """RFC 5658: the outgoing side on top, so that each peer talks its own transport."""
        values = route_set().record_routes(request(), flow("UDP"), flow("TCP"))
        assert [value.partition(b";lr")[0] for value in values] == [
            b"<sip:192.0.2.10:5060;transport=tcp",
            b"<sip:192.0.2.10:5060",
        ]

    def test_secure_flows_get_a_sips_uri(self) -> None:
        """RFC 3261 16.6 step 4: sips in, sips in Record-Route."""
        (value,) = route_set().record_routes(request(), flow("TLS"), flow("TLS"))
        assert value.startswith(b"<sips:192.0.2.10:5060;lr;d=")

    def test_a_neighbour_behind_a_nat_gets_an_entry_with_its_flow(self) -> None:
        """RFC 5626 5.3: on its own side; the other side goes by addresses."""
        values = route_set().record_routes(request(via=b"10.0.0.7"), flow(), flow())
        assert [b";f=" in value for value in values] == [False, True]
        pinned = route_set().record_routes(request(), flow(), flow(), pinned=True)
        assert [b";f=" in value for value in pinned] == [True, False]

    def test_a_host_name_in_via_is_no_sign_of_a_nat(self) -> None:
        """It may have many addresses, and is looked up again."""
        assert len(route_set().record_routes(request(via=b"p1.test"), flow(), flow())) == 1


class TakingTests:
    """Route."""

    def test_our_signed_entry_is_taken_and_proves_the_dialog(self) -> None:
        """RFC 3261 16.4: the topmost Route that names us is removed. [E08]"""
        bye = request(minted())
        assert (route_set().take_own(bye, flow()).signed, "Route" in bye.headers) == (True, False)

    def test_all_of_our_entries_go_and_the_others_stay(self) -> None:
        """Joined by commas or not."""
        bye = request(minted() + b", <sip:192.0.2.10;lr>, <sip:p2.example.net;lr>")
        assert route_set().take_own(bye, flow()).signed
        assert bye.headers.elements("Route") == [b"<sip:p2.example.net;lr>"]

    def test_a_line_full_of_our_entries_is_split_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not once for each of them: one datagram would take 100 ms (hostile.md P15)."""
        split: list[bytes] = []

        def counted(value: bytes, limit: int) -> list[bytes]:
            split.append(value)
            return split_list(value, limit=limit)

        monkeypatch.setattr("sipapp.core.routing.split_list", counted)
        own = b", ".join([b"<sip:192.0.2.10;lr>"] * 250)
        bye = request(own, own, own + b", <sip:p2.example.net;lr>", own)
        assert not route_set().take_own(bye, flow()).signed
        assert bye.headers.get_all("Route") == [b"<sip:p2.example.net;lr>", own]
        assert len(split) == 3

    @pytest.mark.parametrize(
        "entry",
        [
            b"<sip:192.0.2.10:5060;lr>",
            b"<sip:192.0.2.10:5060;lr;d=AAAAAAAAAAAA>",
            b'"us" <sip:x@192.0.2.10;lr>',
        ],
    )
    def test_an_unsigned_entry_is_taken_and_proves_nothing(self, entry: bytes) -> None:
        """A preloaded route names us as well (hostile.md A11)."""
        invite = request(entry)
        assert (route_set().take_own(invite, flow()).signed, "Route" in invite.headers) == (
            False,
            False,
        )

    def test_the_signature_of_another_call_proves_nothing(self) -> None:
        """The token is bound to the Call-ID (hostile.md A13)."""
        assert route_set().take_own(request(minted(b"other")), flow()).signed is False

    def test_an_entry_of_somebody_else_stays(self) -> None:
        """RFC 3261 16.4: only what names us."""
        invite = request(b"<sip:p2.example.net;lr;d=AAAAAAAAAAAA>")
        assert route_set().take_own(invite, flow()).signed is False
        assert invite.headers.elements("Route") == [b"<sip:p2.example.net;lr;d=AAAAAAAAAAAA>"]

    def test_a_strict_router_is_undone(self) -> None:
        """RFC 3261 16.4: our Record-Route in the Request-URI, the target in the last Route."""
        bye = request(b"<sip:p2.example.net;lr>, <sip:b@198.51.100.2>", uri=minted()[1:-1])
        assert route_set().take_own(bye, flow()).signed is True
        assert bye.raw_uri == b"sip:b@198.51.100.2"
        assert bye.headers.elements("Route") == [b"<sip:p2.example.net;lr>"]

    def test_a_strict_router_that_forgot_the_target_is_refused(self) -> None:
        """There is nowhere to go."""
        with pytest.raises(MessageError, match="is missing behind a strict router"):
            route_set().take_own(request(uri=minted()[1:-1]), flow())

    @pytest.mark.parametrize(("order", "way"), [(1, None), (-1, Hop("UDP", "198.51.100.1", 5060))])
    def test_the_entry_of_the_side_ahead_names_the_flow(self, order: int, way: Hop | None) -> None:
        """RFC 5626 5.3: caller and callee send the same entries in opposite orders."""
        values = route_set().record_routes(request(), flow(), flow(), pinned=True)
        taken = route_set().take_own(request(*values[::order]), flow())
        assert taken == Taken(True, way)

    def test_a_flow_is_signed_with_its_dialog(self) -> None:
        """Another flow, or that of another call, proves nothing and leads nowhere."""
        value, _ = route_set().record_routes(request(), flow(), flow(), pinned=True)
        head, _, _ = value.partition(b";f=")
        for entry in (head + b">", head + b";f=VURQIDEuMi4zLjQgNTA2MA>"):
            assert route_set().take_own(request(entry), flow()) == Taken(False, None)
        assert route_set().take_own(request(value, call_id=b"c2"), flow()) == Taken(False, None)
