"""The whole server, put together bottom-up from a `Config` and a `World`.

Nothing here reaches for a reactor, a socket or a random number by itself: `service` gives it
the real ones, `sipapp.app.testing` virtual ones, and both run this very class.
"""

from __future__ import annotations

__all__ = ["Server"]

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from zope.interface import implementer

from sipapp.app.call import Call
from sipapp.app.chain import Chain, LoadedApplication
from sipapp.app.config import Config
from sipapp.app.discovery import load_application
from sipapp.app.interfaces import ICall, ISIPApplication, ISIPServer
from sipapp.app.reception import Reception
from sipapp.app.responsibility import Responsibility
from sipapp.app.stack import Stack
from sipapp.app.stateless import StatelessReception
from sipapp.app.stores import Stores
from sipapp.app.tokens import TokenSource
from sipapp.app.world import World
from sipapp.core.location import Binding
from sipapp.core.outgoing import Outgoing
from sipapp.core.proxy import Proxy
from sipapp.core.registrar import Registrar
from sipapp.core.registration import RegistrarLimits
from sipapp.core.routing import RouteSet
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
        ours = self._ours = Responsibility(
            config.domains,
            self.transport,
            self.stores.locations,
            None if config.auth == "none" else self.stores.accounts,
            _sip_uri(config.outbound_proxy),
        )
        outgoing = Outgoing(
            self.transport,
            self.transactions,
            resolver,
            self.wheel,
            RouteSet(Signer(secret), ours.is_us, guarded=config.auth != "none"),
            new_token=self.new_token,
            timer_c=config.proxy.timer_c,
        )
        proxy = Proxy(outgoing, max_breadth=config.proxy.max_breadth)
        self.registrar = self._make_registrar(ours)
        stack = Stack(
            self.transport,
            self.transactions,
            proxy,
            ours,
            config.proxy,
            self.wheel,
            config.limits.application,
        )
        reception = Reception(stack, Chain(self._load(load)), self._make_authenticator(secret))
        self.transactions.user = reception
        self._receiver: TransactionLayer | StatelessReception = self.transactions
        if config.proxy.stateless:
            self._receiver = StatelessReception(stack, reception)

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
        return self._ours.is_ours(request)

    def aor_of(self, uri: SipUri) -> str:
        """See `ISIPServer.aor_of`."""
        return self._ours.aor_of(uri)

    def now(self) -> datetime:
        """See `ISIPServer.now`."""
        return datetime.fromtimestamp(self.world.utc(), UTC)

    def locate(self, user: SipUri) -> Sequence[Binding]:
        """See `ISIPServer.locate`."""
        return self._ours.bindings_of(user)

    async def register(self, call: ICall) -> None:
        """See `ISIPServer.register`."""
        if not isinstance(call, Call):
            raise UsageError("only a call of this server can be registered")
        response = await self.registrar.register(call.request, call.flow, repeated=call.repeated)
        call.dismiss(response)

    def _receive(self, message: Request | Response, flow: Flow) -> None:
        self._receiver.receive(message, flow)

    def _reply_flow(self, request: Request, flow: Flow) -> Flow:
        return self.transport.reply_flow(request, flow)

    def _load(self, load: Load) -> list[LoadedApplication]:
        sections = self.config.app_sections
        return [
            LoadedApplication(name, load(name, self, sections.get(name, {})))
            for name in self.config.apps
        ]

    def _make_registrar(self, ours: Responsibility) -> Registrar:
        settings, world = self.config.registrar, self.world
        return Registrar(
            self.stores.locations,
            ours.own_aor_of,
            clock=world.clock,
            utc=world.utc,
            random=world.uniform,
            tag_of=_tag_of,
            limits=RegistrarLimits(
                settings.min_expires, settings.default_expires, settings.max_expires
            ),
            service_route=[f"<{uri}>" for uri in settings.service_route],
        )

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
