"""What this server is responsible for, and where its users can be reached (RFC 3261 16.4, 16.5)."""

from __future__ import annotations

__all__ = ["Responsibility"]

from collections.abc import Sequence

from sipapp.core.location import Binding, LocationStore
from sipapp.core.options import METHODS
from sipapp.core.target import Reach, Target
from sipapp.message.message import Request
from sipapp.message.uri import SipUri
from sipapp.store.accounts import AccountStore
from sipapp.transport.layer import TransportLayer


class Responsibility:
    """Tells our domains, addresses and users from those of others.

    Args:
        domains: host names that the server is responsible for, lower case, the main one first.
        transport: knows our addresses.
        locations: where users registered.
        accounts: who may exist without being registered, None to ask nobody.
        outbound_proxy: where requests for others go, None for wherever DNS says.

    Attributes:
        reach: puts the bindings of users in the place of the users.
    """

    __slots__ = ("_accounts", "_domains", "_locations", "_outbound_proxy", "_transport", "reach")

    def __init__(
        self,
        domains: Sequence[str],
        transport: TransportLayer,
        locations: LocationStore,
        accounts: AccountStore | None,
        outbound_proxy: SipUri | None,
    ) -> None:
        self._domains = domains
        self._transport = transport
        self._locations = locations
        self._accounts = accounts
        self._outbound_proxy = outbound_proxy
        self.reach = Reach(locations.lookup, self._aor_of_target, transport.flow_to)

    def is_ours(self, request: Request) -> bool:
        """Whether the Request-URI names one of our domains or addresses."""
        uri = request.uri
        return isinstance(uri, SipUri) and self._decides(uri)

    def is_self(self, request: Request) -> bool:
        """Whether the Request-URI names the server itself and not a user of it."""
        uri = request.uri
        return isinstance(uri, SipUri) and uri.user is None and self._decides(uri)

    def is_us(self, host: str, port: int | None) -> bool:
        """Whether what is sent there comes back to this server; port None is any of its ports."""
        if host in self._domains:
            return port is None or any(port == each.port for each in self._transport.listeners)
        return self._transport.is_local(host, port)

    def aor_of(self, uri: SipUri) -> str:
        """Return the location key of a URI of ours: an address of ours stands for a domain."""
        host = uri.host
        if host not in self._domains and self._domains and self._transport.is_local(host, uri.port):
            return SipUri("sip", uri.user, None, self._domains[0]).aor()
        return uri.aor()

    def own_aor_of(self, uri: SipUri) -> str | None:
        """Return the location key of a URI, None where it is not ours."""
        return self.aor_of(uri) if self._decides(uri) else None

    def bindings_of(self, uri: SipUri) -> Sequence[Binding]:
        """Return the live bindings of a user of ours, best first."""
        return self._locations.lookup(self.aor_of(uri))

    def targets_of(self, request: Request) -> list[list[Target]]:
        """Return where a request goes by default: bindings, or its own URI when foreign."""
        uri = request.uri
        if not isinstance(uri, SipUri) and self._outbound_proxy is None:
            return []  # nobody here knows where a number lives
        if not isinstance(uri, SipUri) or not self._decides(uri):
            return [[Target(uri, next_hop=self._outbound_proxy)]]
        return self.reach.of_user(self.aor_of(uri))

    def absent_status(self, request: Request) -> int:
        """404 for a user nobody knows, 480 for one who is not registered (RFC 3261 16.5).

        501 for a method nobody knows, when the server itself is asked (RFC 3261 8.2.1).
        """
        uri = request.uri
        if request.method not in METHODS and self.is_self(request):
            return 501
        if not isinstance(uri, SipUri) or uri.user is None or self._accounts is None:
            return 404
        domain = uri.host if uri.host in self._domains else next(iter(self._domains), uri.host)
        known = self._accounts.find(uri.plain_user or "", domain)
        return 404 if known is None else 480

    def _decides(self, uri: SipUri) -> bool:
        """Whether a URI is ours to decide about; one with maddr names who decides (16.5)."""
        ours = uri.host in self._domains or self._transport.is_local(uri.host, uri.port)
        return ours and not uri.params.has("maddr")

    def _aor_of_target(self, uri: SipUri) -> str | None:
        """Return the location key of a target that we would only send to ourselves."""
        ours = self.is_us(uri.host, uri.port) and not uri.params.has("maddr")
        return self.aor_of(uri) if ours else None
