"""Record-Route and Route: the route set we write, and how we know it again (RFC 3261 16.4, 16.6).

Our Record-Route URI carries a signature over the Call-ID. A request that comes back with it
belongs to a dialog that this server let through once; it needs neither state, nor a second
authentication, nor an application, and it survives a restart. A Route that merely names
this host is an ordinary preloaded route: it is taken away, and proves nothing.

Whoever took part in a call has seen that signature, so it must not open the way to strangers.
On a server that authenticates, the entry also names, by short signatures, the two addresses that
the call was between: a request that goes anywhere else has to prove who sends it.

Where a neighbour can be reached over one flow only, because it sits behind a NAT, our entry on
its side names that flow, signed as well (RFC 5626 5.3).
"""

from __future__ import annotations

__all__ = ["RouteSet", "Taken"]

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import NamedTuple

from sipapp.errors import MessageError
from sipapp.message.fields import parse_name_addr, split_list
from sipapp.message.message import Request
from sipapp.message.uri import SipUri
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Hop, default_port
from sipapp.ua.signature import Signer

_OWN = re.compile(
    rb"<?sips?:([^;>@]+)(?:;transport=[a-z]+)?;lr;d=([A-Za-z0-9_\-]{12})(?:;f=([A-Za-z0-9_\-]+))?"
    rb"(?:;p=([A-Za-z0-9_\-]{6,12}))?>?"
)
_PURPOSE = b"dialog"
_PEER = b"peer"
_PEER_LENGTH = 6  # 36 bits, for one call: each guess is a datagram


class Taken(NamedTuple):
    """What our own entries in the Route of a request told.

    Attributes:
        signed: whether one carried our signature for this Call-ID: the request is inside a
            dialog that we record-routed.
        way: the far end of the flow that the request must go on over, None for wherever its
            Route and Request-URI lead.
        peers: short signatures of the addresses that the call is between.
    """

    signed: bool = False
    way: Hop | None = None
    peers: tuple[str, ...] = ()


_NOTHING = Taken()
_SIGNED = Taken(True)


class RouteSet:
    """Writes and recognises this server's entries of a route set.

    Args:
        signer: signs the Call-ID into the Record-Route URI.
        is_local: tells whether host and port (None: no port given) are this server's, by its
            addresses and by the names it answers to.
        guarded: whether to name the addresses of a call, for a server that authenticates.
    """

    __slots__ = ("_guarded", "_is_local", "_own", "_prefixes", "signer")

    def __init__(
        self,
        signer: Signer,
        is_local: Callable[[str, int | None], bool],
        *,
        guarded: bool = False,
    ) -> None:
        self.signer = signer
        self._guarded = guarded
        self._is_local = is_local
        self._prefixes: dict[tuple[str, str], bytes] = {}
        self._own: set[bytes] = set()  # what stands in nearly all entries: we wrote them

    def record_routes(
        self, request: Request, came: Flow, goes: Flow, *, pinned: bool = False
    ) -> list[bytes]:
        """Return the Record-Route values to put on top of ``request``.

        RFC: 3261 16.6 step 4; 5658 for the pair; 5626 5.3 for flows. One value when both sides
        share transport and address, else two, the outgoing side first.

        Args:
            request: as it came.
            came, goes: the flows of both sides.
            pinned: whether the next hop can be reached over ``goes`` only.
        """
        first, second = self._prefix(goes), self._prefix(came)
        call_id = request.headers.get("Call-ID") or b""
        back = came if _behind_nat(request, came) else None
        if pinned or back is not None:
            return [
                first + self._tail(call_id, goes if pinned else None, came, goes),
                second + self._tail(call_id, back, came, goes),
            ]
        tail = self._tail(call_id, None, came, goes)
        return [first + tail] if first == second else [first + tail, second + tail]

    def _tail(self, call_id: bytes, flow: Flow | None, came: Flow, goes: Flow) -> bytes:
        if flow is None:
            token = self.signer.sign(_PURPOSE, call_id).encode()
            if not self._guarded:
                return b";lr;d=%b>" % token
            peers = self._peer(call_id, came.remote[0]) + self._peer(call_id, goes.remote[0])
            return b";lr;d=%b;p=%b>" % (token, peers.encode())
        text = f"{flow.transport} {flow.remote[0]} {flow.remote[1]}".encode("ascii")
        way = urlsafe_b64encode(text).rstrip(b"=")
        return b";lr;d=%b;f=%b>" % (self.signer.sign(_PURPOSE, call_id, way).encode(), way)

    def _prefix(self, flow: Flow) -> bytes:
        key = (flow.transport, flow.sent_by)
        prefix = self._prefixes.get(key)
        if prefix is None:
            scheme = "sips" if flow.secure else "sip"
            extra = (
                "" if flow.transport in ("UDP", "TLS") else ";transport=" + flow.transport.lower()
            )
            prefix = self._prefixes[key] = f"<{scheme}:{flow.sent_by}{extra}".encode()
            self._own.add(flow.sent_by.encode())
        return prefix

    def leads_back(self, request: Request, taken: Taken, host: str) -> bool:
        """Tell whether a request inside a dialog goes to an address that the call is between.

        Args:
            request: the same as for `take_own`.
            taken: what that returned.
            host: the numeric address of its next hop.
        """
        return self._peer(request.headers.get("Call-ID") or b"", host) in taken.peers

    def _peer(self, call_id: bytes, host: str) -> str:
        return self.signer.sign(_PEER, call_id, host.encode())[:_PEER_LENGTH]

    def take_own(self, request: Request, came: Flow) -> Taken:
        """Take our entries off the top of Route, and our maddr off; undo strict routing.

        RFC: 3261 16.4. ``request`` is changed in place.

        Args:
            came: the flow of the request.
        Raises:
            MessageError: the Route field is broken.
        """
        taken = _NOTHING
        if b"maddr" in request.raw_uri.lower():
            self._take_maddr(request, came)
        if b";lr;d=" in request.raw_uri:
            known = self._known(request, request.raw_uri)
            if known is not None:
                self._undo_strict_routing(request)
                taken = known
        headers = request.headers
        while "Route" in headers.names:
            line = headers.lines[headers.names.index("Route")]
            entries = _entries(line.partition(b":")[2].strip())
            own = 0
            for entry in entries:
                known = self._known(request, entry)
                if known is None and not self._names_us(entry):
                    break
                if known is not None and known.signed:
                    taken = known  # the last one is on the side that the request leaves by
                own += 1
            if own:
                headers.pop_first("Route", b", ".join(entries[own:]) or None)
            if own < len(entries):
                break
        return taken

    def _known(self, request: Request, entry: bytes) -> Taken | None:
        """What an entry tells if it is of our making, rightly signed or not."""
        match = _OWN.fullmatch(entry)
        if match is None:
            return None
        hostport, signature, way, peers = match.groups()
        if hostport not in self._own and not self._is_ours(hostport):
            return None
        call_id = request.headers.get("Call-ID") or b""
        covered = (call_id,) if way is None else (call_id, way)
        if not self.signer.verify(signature.decode("ascii"), _PURPOSE, *covered):
            return _NOTHING
        if way is not None:
            return Taken(True, _way(way))
        return _SIGNED if peers is None else Taken(True, None, _halves(peers.decode("ascii")))

    def _is_ours(self, hostport: bytes) -> bool:
        host, port = _split_hostport(hostport)
        return self._is_local(host, port)

    def _names_us(self, entry: bytes) -> bool:
        uri = parse_name_addr(entry, "Route").uri
        return isinstance(uri, SipUri) and self._is_local(uri.host, uri.port)

    def _take_maddr(self, request: Request, came: Flow) -> None:
        """Strip a maddr that leads here, and the port and transport that go with it."""
        uri = request.uri
        maddr = uri.params.get("maddr") if isinstance(uri, SipUri) else None
        if not isinstance(uri, SipUri) or maddr is None:
            return
        transport = (
            uri.params.get("transport") or ("tls" if uri.scheme == "sips" else "udp")
        ).upper()
        usual = default_port(transport)
        port = uri.port or usual
        arrived = (came.transport, came.local[1])
        if arrived == (transport, port) and self._is_local(maddr.strip("[]").lower(), port):
            rest = uri.params.without("maddr", "transport")
            request.replace_uri(uri.replace(port=uri.port if port == usual else None, params=rest))

    def _undo_strict_routing(self, request: Request) -> None:
        """A strict router put our Record-Route into the Request-URI: restore the last Route."""
        routes = request.headers.elements("Route")
        if not routes:
            raise MessageError("Route", "is missing behind a strict router")
        target = parse_name_addr(routes.pop(), "Route")
        request.replace_uri(target.uri)
        request.headers.remove("Route")
        for value in routes:
            request.headers.add("Route", value)


def _behind_nat(request: Request, came: Flow) -> bool:
    """Whether the sender's own Via names a numeric address that its packets do not come from.

    A host name there is no sign: it may have many addresses.
    """
    host = request.top_via.host
    return host != came.remote[0] and (":" in host or host[-1:].isdigit())


def _halves(text: str) -> tuple[str, str]:
    return text[:_PEER_LENGTH], text[_PEER_LENGTH:]


def _way(text: bytes) -> Hop:
    """Read the name of a flow; it was signed, so it is of our making."""
    padded = text + b"=" * (-len(text) % 4)
    transport, host, port = urlsafe_b64decode(padded).decode("ascii").split(" ")
    return Hop(transport, host, int(port))


def _entries(value: bytes) -> list[bytes]:
    """Split one line, once: who sends 250 of our own entries shall not have it split 250 times."""
    return split_list(value, limit=256) if b"," in value else [value]


def _split_hostport(text: bytes) -> tuple[str, int | None]:
    host, colon, port = text.decode("ascii", "replace").rpartition(":")
    if not colon or host.count("[") != host.count("]"):
        return text.decode("ascii", "replace").strip("[]"), None
    return host.strip("[]"), int(port) if port.isdigit() else None
