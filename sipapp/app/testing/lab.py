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
from sipapp.app.config.store_address import StoreAddress
from sipapp.app.discovery import load_application
from sipapp.app.endpoint_strings import parse_listen
from sipapp.app.interfaces import ISIPApplication, ISIPServer
from sipapp.app.server import Server
from sipapp.app.testing.network import VirtualNetwork
from sipapp.app.testing.phone import Phone
from sipapp.app.testing.scene import Scene
from sipapp.app.world import World
from sipapp.transport.hop import Address
from sipapp.transport.zone import Zone

Factory = Callable[[ISIPServer, Mapping[str, object]], ISIPApplication]

SERVER = "192.0.2.10"
"""Address of the server in a lab, unless another is asked for."""

_EPOCH = 1_800_000_000.0


class Lab:
    """Runs a server on a virtual clock and network; use it as a context manager.

    ```python
    with Lab(name="p1") as p1, Lab(name="p2", hosts=["192.0.2.20"], beside=p1) as p2:
        alice = p1.phone("alice")
        ...
    ```

    Args:
        apps: names of installed applications, or factories, in order.
        domain: the one domain of the server.
        users: accounts and their passwords; without any, nobody is asked who they are.
        sections: ``[app.NAME]`` tables; a factory's name is its ``__name__``.
        hosts: addresses of the server; phones send to the first.
        listen: listen strings; by default UDP and TCP on port 5060 of each address.
        name: what the server is called in `scene`.
        beside: another lab, whose clock, network and DNS this server shares.
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
        hosts: Sequence[str] = (SERVER,),
        listen: Sequence[str] = (),
        name: str = "server",
        beside: Lab | None = None,
        **changes: object,
    ) -> None:
        self.domain = domain
        self.clock: Clock = beside.clock if beside else _clock()
        self.network: VirtualNetwork = beside.network if beside else VirtualNetwork(self.clock)
        self.zone: Zone = beside.zone if beside else Zone(self.clock)
        self._phones: list[Phone] = beside._phones if beside else []
        self._scene: Scene = beside._scene if beside else Scene(self.network.ladder)
        self._guest = beside is not None
        self._scene.names.update(dict.fromkeys(hosts, name))
        self._address = (hosts[0], 5060)
        self._users = users or {}
        self._factories = {app.__name__: app for app in apps if not isinstance(app, str)}
        self._config = replace(
            Config(),
            listen=tuple(parse_listen(text) for text in listen or _everywhere(hosts)),
            domains=(domain,),
            apps=tuple(app if isinstance(app, str) else app.__name__ for app in apps),
            store=StoreAddress("memory"),
            auth="digest" if users else "none",
            app_sections=dict(sections or {}),
            **changes,  # type: ignore[arg-type]
        )
        rng = Random(hosts[0])
        self._world = World(
            network=self.network.host(*hosts),
            clock=self.clock,
            utc=lambda: _EPOCH + self.clock.seconds(),
            dns=self.zone,
            random_bytes=rng.randbytes,
            uniform=rng.random,
            call_from_thread=lambda call, *arguments: call(*arguments),
        )
        self._start()

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
        self,
        user: str,
        *,
        transport: str = "UDP",
        host: str | None = None,
        port: int = 5060,
        inside: Address | None = None,
    ) -> Phone:
        """Put a phone on the network.

        Args:
            user: who it belongs to; further phones of one user are numbered in `scene`.
            transport: "UDP" or "TCP".
            host, port: where it is; by default 198.51.100.1, .2 and so on, in turn.
            inside: what it takes for its address, when it is behind a NAT.
        """
        address = (host or f"198.51.100.{len(self._phones) + 1}", port)
        phone = Phone(
            user,
            self.domain,
            self.network.host(address[0]),
            address,
            self._address,
            transport=transport,
            inside=inside,
            ladder=lambda: self.ladder,
        )
        others = {other.address[0] for other in self._phones if other.user == user} - {address[0]}
        self._scene.names[address[0]] = f"{user}{len(others) + 1}" if others else user
        self._phones.append(phone)
        return phone

    def registered(
        self,
        user: str,
        *,
        transport: str = "UDP",
        password: str = "",
        q: float | None = None,
        inside: Address | None = None,
    ) -> Phone:
        """Put a phone on the network and register it; its inbox is empty afterwards."""
        phone = self.phone(user, transport=transport, inside=inside)
        request = phone.register(q=q)
        self.advance()
        if password:
            phone.retry(request, phone.take_response(401), password)
            self.advance()
        phone.take_response(200)
        self.scene()
        return phone

    def advance(self, seconds: float = 0.0) -> None:
        """Let time pass from one thing that is due to the next, packets on the wire included."""
        end = self.clock.seconds() + seconds
        self.network.settle()
        while (due := self._next_due(end)) < end:
            self.clock.advance(due - self.clock.seconds())
        self.clock.advance(end - self.clock.seconds())

    @property
    def ladder(self) -> str:
        """Everything that crossed the wire, as text."""
        return str(self.network.ladder)

    def scene(self) -> list[str]:
        """Return what crossed the wire since the last call or registration.

        One line a message, such as ``alice -> server INVITE`` and ``server -> alice 100 INVITE``.
        """
        return self._scene.take()

    def restart(self) -> None:
        """Stop the server and start it anew: same config and secret, nothing remembered."""
        self._stop()
        self._start()

    def close(self) -> None:
        """Stop the server; if it was the first on its network, also the phones.

        Raises:
            AssertionError: something is still scheduled: a timer leaks. Or a message was dropped
                by a bug, which was logged.
        """
        self._stop()
        if self._guest:
            return
        for phone in self._phones:
            phone.close()
        self.network.settle()
        left = self.clock.getDelayedCalls()
        assert not left, f"delayed calls are left: {left}"

    def _load(self, name: str, sip: ISIPServer, section: Mapping[str, object]) -> ISIPApplication:
        factory = self._factories.get(name)
        return load_application(name, sip, section) if factory is None else factory(sip, section)

    def _next_due(self, end: float) -> float:
        return min((call.getTime() for call in self.clock.getDelayedCalls()), default=end)

    def _start(self) -> None:
        secret = self._address[0].encode().ljust(32)
        self.server = Server(self._config, self._world, secret, load=self._load)
        for user, password in self._users.items():
            self.server.stores.accounts.add(user, self.domain, password)
        self.server.start()

    def _stop(self) -> None:
        stopped: list[object] = []
        Deferred.fromCoroutine(self.server.stop()).addCallback(stopped.append)
        self.network.settle()
        if not stopped:  # a connection waits for its peer, for some seconds at most
            self.advance(5)
        failures = self.server.transport.counters.failures
        assert not failures, f"messages dropped by a bug, see the log: {failures}"


def _clock() -> Clock:
    clock = Clock()
    clock.advance(1000.0)
    return clock


def _everywhere(hosts: Sequence[str]) -> list[str]:
    return [
        f"{transport}:5060:interface={f'[{host}]' if ':' in host else host}"
        for host in hosts
        for transport in ("udp", "tcp")
    ]
