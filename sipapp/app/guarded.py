"""A service around the whole server that turns a failed start into one line and an exit code."""

from __future__ import annotations

__all__ = ["GuardedService", "Server"]

from collections.abc import Callable
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from sipapp.app.exit import FAILURES


class Server(Protocol):
    """What is started: a service, less what belongs to its parent."""

    def startService(self) -> None:
        """Begin to serve."""

    def stopService(self) -> Deferred[None] | None:
        """End; fires when it has."""


class GuardedService(Service):
    """Makes, starts and stops the server.

    It is made as late as it is started: by then ``twistd`` has gone into the background, which
    no thread survives, and has taken on the user that the files shall belong to.

    Args:
        make: makes the server.
        failed: told of a failure of the kinds in ``exit.FAILURES``; does not return.
        started: called once the server has started.
    """

    def __init__(
        self,
        make: Callable[[], Server],
        failed: Callable[[Exception], None],
        started: Callable[[], None],
    ) -> None:
        self._make = make
        self._failed = failed
        self._started = started
        self._server: Server | None = None

    def startService(self) -> None:
        """Make the server, start it, then say so."""
        self.running = 1
        try:
            self._server = self._make()
            self._server.startService()
        except FAILURES as error:
            self._failed(error)
        self._started()

    def stopService(self) -> Deferred[None] | None:
        """Stop the server; fires when it has."""
        self.running = 0
        return self._server.stopService() if self._server is not None else None
