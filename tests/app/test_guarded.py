"""The service around the server."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from sipapp.app.guarded import GuardedService
from sipapp.errors import StoreError


class Recorded:
    """A server that writes down what is asked of it and may fail to start."""

    def __init__(self, events: list[object], failure: Exception | None) -> None:
        self.events = events
        self.failure = failure
        self.stopped: Deferred[None] = Deferred()

    def startService(self) -> None:
        """Start, or fail."""
        self.events.append("start")
        if self.failure is not None:
            raise self.failure

    def stopService(self) -> Deferred[None]:
        """Stop some day."""
        self.events.append("stop")
        return self.stopped


def guarded(failure: Exception | None = None) -> tuple[GuardedService, Recorded, list[object]]:
    """A service, what it guards, and what its surroundings saw."""
    events: list[object] = []
    server = Recorded(events, failure)

    def make() -> Recorded:
        events.append("make")
        return server

    def failed(error: Exception) -> None:
        events.append(error)
        raise SystemExit(78)

    return GuardedService(make, failed, lambda: events.append("started")), server, events


def test_the_server_is_made_when_it_is_started() -> None:
    """Not before: a thread of it would not live through ``twistd`` going into the background."""
    service, server, events = guarded()
    assert events == []
    service.startService()
    assert events == ["make", "start", "started"]
    assert service.stopService() is server.stopped
    assert events == ["make", "start", "started", "stop"]


def test_what_an_operator_can_mend_is_told() -> None:
    """Start-up ends there."""
    failure = StoreError("x.db: is no database")
    service, _, events = guarded(failure)
    with pytest.raises(SystemExit):
        service.startService()
    assert events == ["make", "start", failure]


def test_a_bug_keeps_its_traceback() -> None:
    """One line would hide where it is."""
    service, _, events = guarded(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        service.startService()
    assert events == ["make", "start"]


def test_stopping_what_never_started_does_nothing() -> None:
    """As after a failure of another service."""
    service, _, events = guarded()
    assert service.stopService() is None
    assert events == []
