"""The server, its network and its clock, all virtual: the bench an application is tested on."""

from __future__ import annotations

__all__ = ["Lab"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from types import TracebackType

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sipapp.app.config import Config
from sipapp.app.discovery import load_application
from sipapp.app.endpoint_strings import parse_listen
from sipapp.app.config.store_address import StoreAddress
from sipapp.app.interfaces import ISIPApplication, ISIPServer
from sipapp.app.server import Server
from sipapp.app.testing.network import VirtualNetwork
from sipapp.app.testing.phone import Phone
from sipapp.app.world import World
from sipapp.transport.zone import Zone

Factory = Callable[[ISIPServer, Mapping[str, object]], ISIPApplication]

SERVER = "192.0.2.10"
"""Address of the server in a lab."""

_EPOCH = 1_800_000_000.0


class Lab:
    """Runs a server on a virtual clock and network; use it as a context manager.

    Args:
        apps: names of installed applications, or factories, in order.
        domain: the one domain of the server.
        users: accounts and their passwords; without any, nobody is asked who they are.
        sections: ``[app.NAME]`` tables; a factory's name is its ``__name__``.
        listen: listen strings.
        changes: further fields of `Config`.

    Attributes:
        clock: the virtual clock; `advance` moves it and delivers what is on the wire.
        network: loss, delay, reordering, duplication and refusal are set here.
        server: the server under test.
        zone: what DNS says.
    """

    def __init__(
        self,
        *,
        apps: Sequence[str | Factory] = ("registrar", "proxy"),
        domain: str = "example.test",
        users: Mapping[str, str] | None = None,
        sections: Mapping[str, Mapping[str, object]] | None = None,
        listen: Sequence[str] = (f"udp:5060:interface={SERVER}", f"tcp:5060:interface={SERVER}"),
        **changes: object,
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.domain = domain
        self.network = VirtualNetwork(self.clock, Random(0))
        self.zone = Zone(self.clock)
        self._phones: list[Phone] = []
        self._factories = {app.__name__: app for app in apps if not isinstance(app, str)}
        rng = Random(1)
        config = replace(
            Config(),
            listen=tuple(parse_listen(text) for text in listen),
            domains=(domain,),
            apps=tuple(app if isinstance(app, str) else app.__name__ for app in apps),
            store=StoreAddress("memory"),
            auth="digest" if users else "none",
            app_sections=dict(sections or {}),
            **changes,  # type: ignore[arg-type]
        )
        world = World(
            network=self.network.host(SERVER),
            clock=self.clock,
            utc=lambda: _EPOCH + self.clock.seconds(),
            dns=self.zone,
            random_bytes=rng.randbytes,
            uniform=rng.random,
            call_from_thread=lambda call, *arguments: call(*arguments),
        )
        self.server = Server(config, world, b"s" * 32, load=self._load)
        for user, password in (users or {}).items():
            self.server.stores.accounts.add(user, domain, password)
        self.server.start()

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def phone(
        self, user: str, *, transport: str = "UDP", host: str | None = None, port: int = 5060
    ) -> Phone:
        """Put a phone on the network; each has an address of its own."""
        address = (host or f"198.51.100.{len(self._phones) + 1}", port)
        phone = Phone(
            user,
            self.domain,
            self.network.host(address[0]),
            address,
            (SERVER, 5060),
            transport=transport,
            ladder=lambda: self.ladder,
        )
        self._phones.append(phone)
        return phone

    def registered(self, user: str, *, transport: str = "UDP", password: str = "") -> Phone:
        """Put a phone on the network and register it; its inbox is empty afterwards."""
        phone = self.phone(user, transport=transport)
        request = phone.register()
        self.advance()
        if password:
            phone.retry(request, phone.take_response(401), password)
            self.advance()
        phone.take_response(200)
        return phone

    def advance(self, seconds: float = 0.0) -> None:
        """Let time pass, in small steps, delivering everything that is due on the way."""
        self.network.settle()
        step = 0.05
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            self.network.settle()
            seconds -= step

    @property
    def ladder(self) -> str:
        """Everything that crossed the wire, as text."""
        return str(self.network.ladder)

    def close(self) -> None:
        """Stop the server and the phones.

        Raises:
            AssertionError: something is still scheduled: a timer leaks.
        """
        Deferred.fromCoroutine(self.server.stop())
        for phone in self._phones:
            phone.close()
        self.network.settle()
        left = self.clock.getDelayedCalls()
        assert not left, f"delayed calls are left: {left}"

    def _load(self, name: str, sip: ISIPServer, section: Mapping[str, object]) -> ISIPApplication:
        factory = self._factories.get(name)
        return load_application(name, sip, section) if factory is None else factory(sip, section)
