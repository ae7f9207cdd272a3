"""Run a piece of asynchronous test on a reactor of its own, without installing one."""

from __future__ import annotations

__all__ = ["Play", "on_reactor", "perform", "turn", "until"]

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.internet.epollreactor import EPollReactor

Play = Callable[[Any], Coroutine[Deferred[Any], Any, None]]

PATIENCE = 10.0


def _asyncio() -> Any:
    return AsyncioSelectorReactor(asyncio.new_event_loop())


on_reactor = pytest.mark.parametrize("make", [EPollReactor, _asyncio], ids=["epoll", "asyncio"])
"""Gives ``make``: the reactors that the server runs on."""


def perform(make: Callable[[], Any], play: Play) -> None:
    """Run ``play`` to its end; it gets the reactor. Nothing may be scheduled then."""
    reactor = make()
    failures: list[BaseException] = []
    left: list[object] = []

    def end(result: object) -> None:
        limit.cancel()
        if isinstance(result, BaseException):
            failures.append(result)
        left.extend(reactor.getDelayedCalls())
        reactor.stop()

    def begin() -> None:
        running = Deferred.fromCoroutine(play(reactor))
        running.addCallbacks(end, lambda failure: end(failure.value))

    limit = reactor.callLater(PATIENCE, end, AssertionError(f"not done in {PATIENCE} s"))
    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    _dispose(reactor)
    for failure in failures:
        raise failure
    assert left == []


def _dispose(reactor: Any) -> None:
    """Close what a reactor keeps for itself; none is ever thrown away outside of tests."""
    for reader in list(reactor._internalReaders):
        reactor.removeReader(reader)
        reader.connectionLost(None)
    if isinstance(reactor, EPollReactor):
        reactor._poller.close()
    else:
        reactor._asyncioEventloop.close()


def turn(reactor: Any, seconds: float = 0.0) -> Deferred[None]:
    """Fire in a later turn."""
    later: Deferred[None] = Deferred()
    reactor.callLater(seconds, later.callback, None)
    return later


async def until(reactor: Any, condition: Callable[[], object]) -> None:
    """Let the reactor turn until ``condition`` holds; ``perform`` sets the limit."""
    while not condition():
        await turn(reactor, 0.005)
