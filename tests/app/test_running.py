"""The driver of application coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sipapp.app.running import Running
from sipapp.errors import UsageError


class RunTests(SynchronousTestCase):
    """A coroutine is stepped from Deferred to Deferred."""

    def test_results_and_failures_arrive_where_they_are_awaited(self) -> None:
        """A fired Deferred does not even leave the coroutine."""
        seen: list[object] = []
        later: Deferred[str] = Deferred()
        failing: Deferred[str] = Deferred()

        async def application() -> None:
            ready: Deferred[int] = Deferred()
            ready.callback(1)
            seen.append(await ready)
            seen.append(await later)
            try:
                await failing
            except ValueError as error:
                seen.append(str(error))

        Running(application()).start()
        assert seen == [1]
        later.callback("two")
        assert seen == [1, "two"]
        failing.errback(ValueError("three"))
        assert seen == [1, "two", "three"]

    def test_futures_of_asyncio_are_awaited_like_deferreds(self) -> None:
        """The server runs on asyncio, so that its libraries are at an application's hand."""
        seen: list[object] = []
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        good, bad = loop.create_future(), loop.create_future()

        async def library() -> str:
            async with asyncio.timeout(5):
                return str(await good)

        async def application() -> None:
            seen.append(await loop.create_task(library()))
            try:
                await bad
            except ValueError as error:
                seen.append(str(error))

        def turn() -> None:
            loop.call_later(0, loop.stop)
            loop.run_forever()

        Running(application()).start()
        turn()
        assert seen == []
        good.set_result("one")
        turn()
        turn()
        assert seen == ["one"]
        bad.set_exception(ValueError("two"))
        turn()
        assert seen == ["one", "two"]

    def test_what_escapes_is_logged_and_goes_no_further(self) -> None:
        """The peer's next message must not suffer."""

        async def application() -> None:
            raise ZeroDivisionError

        Running(application()).start()
        flushed = self.flushLoggedErrors(ZeroDivisionError)  # type: ignore[no-untyped-call]
        assert len(flushed) == 1

    def test_only_deferreds_can_be_awaited(self) -> None:
        """Anything else is told to the application at the place of its await."""

        class Odd:
            def __await__(self) -> Generator[str, None, None]:
                yield "odd"

        seen: list[str] = []

        async def application() -> None:
            try:
                await Odd()
            except UsageError as error:
                seen.append(str(error))

        Running(application()).start()
        assert seen == ["an application awaited 'odd', which is no Deferred and no future"]

    def test_an_interrupted_coroutine_stops_waiting(self) -> None:
        """What it waited for is cancelled; its ``finally`` may wait again."""
        seen: list[object] = []
        cancelled: list[Deferred[None]] = []
        first: Deferred[None] = Deferred(cancelled.append)
        second: Deferred[str] = Deferred()

        async def application() -> None:
            try:
                await first
            except ValueError as error:
                seen.append(str(error))
            finally:
                seen.append(await second)

        running = Running(application(), lambda: seen.append("waits"))
        running.start()
        running.interrupt(ValueError("enough"))
        assert (cancelled, seen) == ([first], ["waits", "enough", "waits"])
        second.callback("done")
        running.interrupt(ValueError("too late"))
        assert seen == ["waits", "enough", "waits", "done"]

    def test_a_future_is_cancelled_too(self) -> None:
        """It says so in a later turn of the loop."""
        seen: list[str] = []
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        future = loop.create_future()

        async def application() -> None:
            try:
                await future
            except ValueError as error:
                seen.append(str(error))

        running = Running(application())
        running.start()
        running.interrupt(ValueError("enough"))
        loop.call_later(0, loop.stop)
        loop.run_forever()
        assert (future.cancelled(), seen) == (True, ["enough"])
