"""Record-Route and Route: the route set we write, and how we know it again (RFC 3261 16.4, 16.6).

Our Record-Route URI carries a signature over the Call-ID. A request that comes back with it
belongs to a dialog that this server let through once; it needs neither state, nor a second
authentication, nor an application, and it survives a restart. A Route that merely names
this host is an ordinary preloaded route: it is taken away, and proves nothing.
"""

from __future__ import annotations

__all__ = ["RouteSet"]

import re
from collections.abc import Callable

from sipapp.errors import MessageError
from sipapp.message.fields import parse_name_addr, split_list
from sipapp.message.message import Request
from sipapp.message.uri import SipUri
from sipapp.transport.flow import Flow
from sipapp.ua.signature import Signer

_OWN = re.compile(rb"<?sips?:([^;>@]+)(?:;transport=[a-z]+)?;lr;d=([A-Za-z0-9_\-]{12})>?")
_PURPOSE = b"dialog"


class RouteSet:
    """Writes and recognises this server's entries of a route set.

    Args:
        signer: signs the Call-ID into the Record-Route URI.
        is_local: tells whether host and port (None: no port given) are this server's.
    """

    __slots__ = ("_is_local", "_own", "_prefixes", "_signer")

    def __init__(self, signer: Signer, is_local: Callable[[str, int | None], bool]) -> None:
        self._signer = signer
        self._is_local = is_local
        self._prefixes: dict[tuple[str, str], bytes] = {}
        self._own: set[bytes] = set()

    def record_routes(self, request: Request, came: Flow, goes: Flow) -> list[bytes]:
        """Return the Record-Route values to put on top of ``request``.

        RFC: 3261 16.6 step 4; 5658 for the pair. One value when both sides share transport
        and address, else two, the outgoing side first.
        """
        token = self._signer.sign(_PURPOSE, request.headers.get("Call-ID") or b"")
        tail = b";lr;d=%b>" % token.encode()
        first, second = self._prefix(goes), self._prefix(came)
        return [first + tail] if first == second else [first + tail, second + tail]

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

    def take_own(self, request: Request) -> bool:
        """Take our entries off the top of Route and undo strict routing.

        RFC: 3261 16.4. ``request`` is changed in place.

        Returns: whether an entry carried our signature for this Call-ID, that is, whether
        the request is inside a dialog that we record-routed.
        Raises:
            MessageError: the Route field is broken.
        """
        headers = request.headers
        strict = b";lr;d=" in request.raw_uri
        if not strict and "Route" not in headers.names:
            return False
        signed = False
        if strict and self._signature(request, request.raw_uri) is not None:
            signed = self._undo_strict_routing(request)
        while "Route" in headers.names:
            at = headers.names.index("Route")
            line = headers.lines[at]
            value = line.partition(b":")[2].strip()
            entry, rest = _first(value)
            known = self._signature(request, entry)
            if known is None and not self._names_us(entry):
                break
            signed = signed or bool(known)
            headers.pop_first("Route", rest)
        return signed

    def _signature(self, request: Request, entry: bytes) -> bool | None:
        """Whether the entry is ours and rightly signed; None when it is not of our making."""
        match = _OWN.fullmatch(entry)
        if match is None or not self._is_ours(match.group(1)):
            return None
        call_id = request.headers.get("Call-ID") or b""
        return self._signer.verify(match.group(2).decode("ascii"), _PURPOSE, call_id)

    def _is_ours(self, hostport: bytes) -> bool:
        if hostport in self._own:  # nearly always: we wrote it
            return True
        host, port = _split_hostport(hostport)
        return self._is_local(host, port)

    def _names_us(self, entry: bytes) -> bool:
        uri = parse_name_addr(entry, "Route").uri
        return isinstance(uri, SipUri) and self._is_local(uri.host, uri.port)

    def _undo_strict_routing(self, request: Request) -> bool:
        """A strict router put our Record-Route into the Request-URI: restore the last Route."""
        signed = bool(self._signature(request, request.raw_uri))
        routes = request.headers.elements("Route")
        if not routes:
            raise MessageError("Route", "is missing behind a strict router")
        target = parse_name_addr(routes.pop(), "Route")
        request.raw_uri = str(target.uri).encode("utf-8", "surrogateescape")
        request._uri = target.uri
        request.headers.remove("Route")
        for value in routes:
            request.headers.add("Route", value)
        return signed


def _first(value: bytes) -> tuple[bytes, bytes | None]:
    if b"," not in value:
        return value, None
    values = split_list(value, limit=256)
    return values[0], b", ".join(values[1:]) or None


def _split_hostport(text: bytes) -> tuple[str, int | None]:
    host, colon, port = text.decode("ascii", "replace").rpartition(":")
    if not colon or host.count("[") != host.count("]"):
        return text.decode("ascii", "replace").strip("[]"), None
    return host.strip("[]"), int(port) if port.isdigit() else None
