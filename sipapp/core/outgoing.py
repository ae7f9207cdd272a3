"""The copy of a request that goes to one target: its next hop, its flow, and what is written in it.

RFC: 3261 16.6. What every branch sends with, and what is sent without a branch.
"""

from __future__ import annotations

__all__ = ["Located", "Outgoing"]

from collections.abc import Callable, Sequence

from sipapp.core.rewriting import forwarded
from sipapp.core.routing import RouteSet
from sipapp.core.target import Target
from sipapp.errors import MessageError, ResolveFailed
from sipapp.message.fields import parse_name_addr
from sipapp.message.message import Request
from sipapp.message.uri import SipUri, Uri
from sipapp.transaction.layer import TransactionLayer
from sipapp.transaction.wheel import TimerWheel
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Hop
from sipapp.transport.layer import TransportLayer
from sipapp.transport.resolver import Resolver

Located = Callable[[list[Hop] | ResolveFailed], None]


class Outgoing:
    """The way of a request out of the proxy.

    Args:
        transport: gives flows to next hops.
        transactions: runs client transactions.
        resolver: RFC 3263.
        wheel: runs Timer C and ring times.
        route_set: writes Record-Route; its signer signs branches too.
        new_token: gives unguessable ASCII tokens for branches.
        timer_c: seconds an INVITE branch may stay without a final response, above 180.
    """

    __slots__ = (
        "_resolver", "new_token", "route_set", "signer", "timer_c", "transactions", "transport",
        "wheel",
    )  # fmt: skip

    def __init__(
        self,
        transport: TransportLayer,
        transactions: TransactionLayer,
        resolver: Resolver,
        wheel: TimerWheel,
        route_set: RouteSet,
        *,
        new_token: Callable[[], str],
        timer_c: float = 180.0,
    ) -> None:
        self.transport = transport
        self.transactions = transactions
        self._resolver = resolver
        self.wheel = wheel
        self.route_set = route_set
        self.signer = route_set.signer
        self.new_token = new_token
        self.timer_c = timer_c

    def literal(self, request: Request, target: Target) -> list[Hop] | None:
        """Return the addresses of the next hop, None when DNS must be asked for them.

        RFC: 3261 16.6 step 7: a Path or Route entry, the outbound proxy, or the target. There
        are none when that is broken or of a scheme that leads nowhere.
        """
        try:
            uri = self._next_uri(request, target)
        except MessageError:
            return []
        return self._resolver.literal(uri) if isinstance(uri, SipUri) else []

    def locate(self, request: Request, target: Target, located: Located) -> None:
        """Ask DNS for the addresses of the next hop, where there is no `literal` one."""
        uri = self._next_uri(request, target)
        assert isinstance(uri, SipUri)
        found = self._resolver.locate(uri)
        found.addCallbacks(located, lambda failure: located(ResolveFailed(str(failure.value))))

    def _next_uri(self, request: Request, target: Target) -> Uri:
        if target.path:
            return parse_name_addr(target.path[0], "Path").uri
        if "Route" in request.headers.names:
            return parse_name_addr(request.headers.elements("Route")[0], "Route").uri
        return target.next_hop or target.uri

    def copy_for(
        self,
        request: Request,
        came: Flow,
        target: Target,
        flow: Flow,
        branch: str,
        breadth: int,
        record_route: bool,
    ) -> Request:
        """Build what goes to ``target`` over ``flow`` of a ``request`` that came over ``came``.

        Args:
            branch: of our Via.
            breadth: its Max-Breadth, at least 1.
            record_route: whether to stay on the path of the dialog.
        """
        routes: Sequence[bytes] = ()
        if record_route:
            pinned = target.flow is not None and not target.path
            routes = self.route_set.record_routes(request, came, flow, pinned=pinned)
        return forwarded(
            request,
            raw_uri=target.raw_uri,
            via=self._via_line(flow, branch),
            record_routes=routes,
            path=target.path,
            breadth=breadth,
        )

    def _via_line(self, flow: Flow, branch: str) -> bytes:
        """Return our Via header line for a request that leaves over ``flow``."""
        return f"Via: SIP/2.0/{flow.transport} {flow.sent_by};branch={branch}".encode("ascii")
