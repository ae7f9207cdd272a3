"""The whole server, put together bottom-up from a `Config` and a `World`.

Nothing here reaches for a reactor, a socket or a random number by itself: `service` gives it
the real ones, `sipapp.app.testing` virtual ones, and both run this very class.
"""

from __future__ import annotations

__all__ = ["Server"]

from collections.abc import Callable, Mapping, Sequence

from zope.interface import implementer

from sipapp.app.call import Call
from sipapp.app.chain import Chain, LoadedApplication
from sipapp.app.config import Config
from sipapp.app.discovery import load_application
from sipapp.app.interfaces import ICall, ISIPApplication, ISIPServer
from sipapp.app.reception import Reception
from sipapp.app.stateless import StatelessReception
from sipapp.app.stores import Stores
from sipapp.app.tokens import TokenSource
from sipapp.app.world import World
from sipapp.core.location import Binding
from sipapp.core.options import METHODS
from sipapp.core.proxy import Proxy
from sipapp.core.registrar import Registrar
from sipapp.core.registration import RegistrarLimits
from sipapp.core.routing import RouteSet
from sipapp.core.target import Reach, Target
from sipapp.errors import UsageError
from sipapp.message.digest import Algorithm
from sipapp.message.message import Request, Response
from sipapp.message.stream import StreamLimits
from sipapp.message.uri import SipUri, parse_uri
from sipapp.transaction.layer import TransactionLayer
from sipapp.transaction.matching import repeatable_tag, server_key
from sipapp.transaction.timers import Timers
from sipapp.transaction.wheel import TimerWheel
from sipapp.transport.flow import Flow
from sipapp.transport.hop import Listener
from sipapp.transport.layer import TransportLayer
from sipapp.transport.limits import Limits
from sipapp.transport.resolver import Resolver
from sipapp.ua.auth import Authenticator, AuthPolicy
from sipapp.ua.guesses import Guesses
from sipapp.ua.nonce import Nonces
from sipapp.ua.signature import Signer

Load = Callable[[str, ISIPServer, Mapping[str, object]], ISIPApplication]


@implementer(ISIPServer)
class Server:
    """One SIP server.

    Args:
        config: checked before.
        world: the surroundings.
        secret: 32 octets that sign what we mint; the same after a restart.
        load: makes an application from its name, this server and its section.
    """

    def __init__(
        self, config: Config, world: World, secret: bytes, load: Load = load_application
    ) -> None:
        self.config = config
        self.world = world
        self.domains = config.domains
        self.new_token = TokenSource(world.random_bytes)
        self.wheel = TimerWheel(world.clock)
        self.stores = Stores(config, world)
        self._outbound_proxy = _sip_uri(config.outbound_proxy)
        timers = config.timers
        self.transactions = TransactionLayer(
            self.wheel,
            Timers(timers.t1, timers.t2, timers.t4, config.proxy.timer_c),
            reply_flow=self._reply_flow,
            new_token=self.new_token,
            max_transactions=config.limits.transactions,
        )
        families = sorted({6 if ":" in address.host else 4 for address in config.listen})
        resolver = Resolver(world.dns, world.clock, uniform=world.uniform, families=families)
        self.transport = TransportLayer(
            world.network, world.clock, _transport_limits(config), self._receive
        )
        self.proxy = Proxy(
            self.transport,
            self.transactions,
            resolver,
            self.wheel,
            RouteSet(Signer(secret), self._is_us, guarded=config.auth != "none"),
            new_token=self.new_token,
            timer_c=config.proxy.timer_c,
            max_breadth=config.proxy.max_breadth,
        )
        registrar = config.registrar
        self.reach = Reach(self.stores.locations.lookup, self._named_aor, self.transport.flow_to)
        self.registrar = Registrar(
            self.stores.locations,
            self._registrable,
            clock=world.clock,
            utc=world.utc,
            random=world.uniform,
            tag_of=_tag_of,
            limits=RegistrarLimits(
                registrar.min_expires, registrar.default_expires, registrar.max_expires
            ),
            service_route=[f"<{uri}>" for uri in registrar.service_route],
        )
        self.authenticator = self._make_authenticator(secret)
        reception = Reception(self, Chain(self._load(load)), self.authenticator)
        self.transactions.user = reception
        self._receiver: TransactionLayer | StatelessReception = self.transactions
        if config.proxy.stateless:
            self._receiver = StatelessReception(self, reception)

    def start(self) -> None:
        """Open the stores, then the listeners."""
        self.stores.start()
        for address in self.config.listen:
            self.transport.listen(
                Listener(address.transport, address.host, address.port, address.advertised)
            )

    async def stop(self) -> None:
        """Close the listeners, forget transactions and searches, close the stores."""
        self.transactions.stop()
        self.wheel.stop()
        await self.transport.stop()
        await self.stores.stop()

    def is_ours(self, request: Request) -> bool:
        """See `ISIPServer.is_ours`."""
        uri = request.uri
        return isinstance(uri, SipUri) and self._is_our_host(uri)

    def is_self(self, request: Request) -> bool:
        """Whether the Request-URI names the server itself and not a user of it."""
        uri = request.uri
        return isinstance(uri, SipUri) and uri.user is None and self._is_our_host(uri)

    def locate(self, user: SipUri) -> Sequence[Binding]:
        """See `ISIPServer.locate`."""
        return self.stores.locations.lookup(self.aor_of(user))

    async def register(self, call: ICall) -> None:
        """See `ISIPServer.register`."""
        if not isinstance(call, Call):
            raise UsageError("only a call of this server can be registered")
        response = await self.registrar.register(call.request, call.flow, repeated=call.repeated)
        call.dismiss(response)

    def aor_of(self, uri: SipUri) -> str:
        """Return the location key of a URI of ours: an address of ours stands for a domain."""
        host = uri.host
        if host not in self.domains and self.domains and self.transport.is_local(host, uri.port):
            return SipUri("sip", uri.user, None, self.domains[0]).aor()
        return uri.aor()

    def targets_of(self, request: Request) -> list[list[Target]]:
        """Return where a request goes by default: bindings, or its own URI when foreign."""
        uri = request.uri
        if not isinstance(uri, SipUri) and self._outbound_proxy is None:
            return []  # nobody here knows where a number lives
        if not isinstance(uri, SipUri) or not self._is_our_host(uri):
            return [[Target(uri, next_hop=self._outbound_proxy)]]
        return self.reach.of_user(self.aor_of(uri))

    def absent_status(self, request: Request) -> int:
        """404 for a user nobody knows, 480 for one who is not registered (RFC 3261 16.5).

        501 for a method nobody knows, when the server itself is asked (RFC 3261 8.2.1).
        """
        uri = request.uri
        if request.method not in METHODS and self.is_self(request):
            return 501
        if not isinstance(uri, SipUri) or uri.user is None or self.authenticator is None:
            return 404
        domain = uri.host if uri.host in self.domains else next(iter(self.domains), uri.host)
        known = self.stores.accounts.find(uri.plain_user or "", domain)
        return 404 if known is None else 480

    def _receive(self, message: Request | Response, flow: Flow) -> None:
        self._receiver.receive(message, flow)

    def _registrable(self, uri: SipUri) -> str | None:
        return self.aor_of(uri) if self._is_our_host(uri) else None

    def _reply_flow(self, request: Request, flow: Flow) -> Flow:
        return self.transport.reply_flow(request, flow)

    def _is_our_host(self, uri: SipUri) -> bool:
        """Whether a URI is ours to decide about; one with maddr names who decides (16.5)."""
        ours = uri.host in self.domains or self.transport.is_local(uri.host, uri.port)
        return ours and not uri.params.has("maddr")

    def _is_us(self, host: str, port: int | None) -> bool:
        """Whether what is sent there comes back to this server; port None is any of its ports."""
        if host in self.domains:
            return port is None or any(port == each.port for each in self.transport.listeners)
        return self.transport.is_local(host, port)

    def _named_aor(self, uri: SipUri) -> str | None:
        """Return the location key of a target that we would only send to ourselves."""
        ours = self._is_us(uri.host, uri.port) and not uri.params.has("maddr")
        return self.aor_of(uri) if ours else None

    def _load(self, load: Load) -> list[LoadedApplication]:
        sections = self.config.app_sections
        return [
            LoadedApplication(name, load(name, self, sections.get(name, {})))
            for name in self.config.apps
        ]

    def _make_authenticator(self, secret: bytes) -> Authenticator | None:
        if self.config.auth == "none":
            return None
        digest = self.config.digest
        nonces = Nonces(
            secret,
            now=self.world.utc,
            random_bytes=self.world.random_bytes,
            lifetime=digest.nonce_lifetime,
        )
        policy = AuthPolicy(
            self.config.domains or tuple(address.host for address in self.config.listen),
            tuple(Algorithm(name) for name in digest.algorithms),
        )
        guesses = Guesses(now=self.world.clock.seconds)
        return Authenticator(
            self.stores.accounts, nonces, guesses, policy, random_bytes=self.world.random_bytes
        )


def _tag_of(request: Request) -> str:
    return repeatable_tag(server_key(request, request.method))


def _transport_limits(config: Config) -> Limits:
    limits = config.limits
    return Limits(
        stream=StreamLimits(max_body=limits.message_bytes),
        connections=limits.connections,
        per_source=limits.connections_per_address,
        idle=limits.connection_idle,
    )


def _sip_uri(text: str | None) -> SipUri | None:
    if text is None:
        return None
    uri = parse_uri(text.encode())
    assert isinstance(uri, SipUri)  # the config checked it
    return uri
