"""The applications in the order of the config, and what happens when one misbehaves.

An application's coroutine is started in one place. Whatever it raises ends its request with
a 500, is logged once under the application's name, and reaches nobody else.
"""

from __future__ import annotations

__all__ = ["Chain", "LoadedApplication"]

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from twisted.logger import Logger
from twisted.python.failure import Failure

from sipapp.app.application import Application
from sipapp.app.call import Call
from sipapp.app.interfaces import ISIPApplication
from sipapp.app.outcome import Outcome
from sipapp.app.running import Running
from sipapp.errors import CallEnded, MessageError


@dataclass(frozen=True, slots=True)
class LoadedApplication:
    """An application and the name it was loaded by."""

    name: str
    application: ISIPApplication


Decide = Callable[[Call], Awaitable[object]]
"""One of the two coroutines of an application."""


def _overrides(loaded: LoadedApplication, coroutine: str) -> bool:
    """Whether an application does more in ``coroutine`` than to pass on."""
    theirs = getattr(type(loaded.application), coroutine, None)
    return theirs is not getattr(Application, coroutine)


class Chain:
    """Runs applications one after another as long as each passes on."""

    log = Logger()

    def __init__(self, applications: Sequence[LoadedApplication]) -> None:
        # Who would only pass on is left out: three coroutines for nothing are felt per call.
        self._for_calls: tuple[tuple[str, Decide], ...] = tuple(
            (one.name, one.application.call) for one in applications if _overrides(one, "call")
        )
        self._for_requests: tuple[tuple[str, Decide], ...] = tuple(
            (one.name, one.application.request)
            for one in applications
            if _overrides(one, "request")
        )

    def start(self, call: Call) -> None:
        """Have the first application decide; never raises."""
        call.running = Running(self._whole(call), call.waits)
        call.running.start()

    async def run(self, call: Call) -> Outcome:
        """Have the next application decide; without one the call gets 404 or 501."""
        applications = self._for_calls if call.invite else self._for_requests
        position = call.position
        if position == len(applications):
            call.unserved()
            return call.outcome
        call.position = position + 1
        name, decide = applications[position]
        before, call.application = call.application, name
        try:
            await decide(call)
        except CallEnded:
            raise
        except MessageError as error:  # the application looked at a field that the peer broke
            call.finish(otherwise=error.status_hint)
        except Exception:  # the plug-in border: nobody's exception stops the server
            self._blame(name, call)
        else:
            if not call.decided:
                self._remind(name, call)
        finally:
            call.application = before or name
        return call.outcome

    async def _whole(self, call: Call) -> None:
        try:  # noqa: SIM105  # a third of the time of suppress()
            await self.run(call)
        except CallEnded:
            pass
        call.finish()

    def _remind(self, name: str, call: Call) -> None:
        self.log.error(
            "application {application} decided nothing on {method} {call_id}: answered 500",
            application=name,
            method=call.request.method,
            call_id=call.request.call_id,
        )
        call.finish()

    def _blame(self, name: str, call: Call) -> None:
        self.log.failure(
            "application {application} failed on {method} {call_id}",
            failure=Failure(),  # type: ignore[no-untyped-call]
            application=name,
            method=call.request.method,
            call_id=call.request.call_id,
        )
        call.finish()
