"""The server as a Twisted service, on real sockets, real time and real randomness."""

from __future__ import annotations

__all__ = ["SipappService"]

import os
import random
import time

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads, IReactorTime

from sipapp.app.config import Config
from sipapp.app.garbage import QuietCollector
from sipapp.app.secret import open_secret
from sipapp.app.server import Server
from sipapp.app.world import World
from sipapp.transport.names import NamesDns
from sipapp.transport.sockets import ISocketReactor, SocketNetwork


class IServerReactor(ISocketReactor, IReactorTime, IReactorThreads):
    """What the whole server needs of a reactor."""


class SipappService(Service):
    """Runs one `Server`.

    Args:
        config: checked before.
        reactor: the running kind; its ``seconds`` must be monotonic.
    Raises:
        ConfigError: an application cannot be loaded, or the secret cannot be read.
        StoreError: the database cannot be opened.
    """

    def __init__(self, config: Config, reactor: IServerReactor) -> None:
        secret = open_secret(config.state_dir) if config.store.path else os.urandom(32)
        world = World(
            network=SocketNetwork(reactor),
            clock=reactor,
            utc=time.time,
            dns=NamesDns(reactor),
            random_bytes=os.urandom,
            uniform=random.SystemRandom().random,
            call_from_thread=reactor.callFromThread,
        )
        self.server = Server(config, world, secret)
        self._collector = QuietCollector(reactor, self._busy)

    def startService(self) -> None:
        """Open stores and listeners.

        Raises:
            OSError: a listener cannot be opened.
            StoreError: the bindings cannot be loaded.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self.server.start()
        self._collector.start()

    def stopService(self) -> Deferred[None]:
        """Close everything; fires when it is done."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._collector.stop()
        return Deferred.fromCoroutine(self.server.stop())

    def _busy(self) -> int:
        return self.server.transactions.server_count
