"""The applications in the order of the config, and what happens when one misbehaves.

An application's coroutine is started in one place. Whatever it raises ends its request with
a 500, is logged once under the application's name, and reaches nobody else.
"""

from __future__ import annotations

__all__ = ["Chain", "LoadedApplication"]

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sipapp.app.call import Call
from sipapp.app.interfaces import ISIPApplication
from sipapp.errors import CallEnded, MessageError


@dataclass(frozen=True, slots=True)
class LoadedApplication:
    """An application and the name it was loaded by."""

    name: str
    application: ISIPApplication


class Chain:
    """Runs applications one after another as long as each passes on."""

    log = Logger()

    def __init__(self, applications: Sequence[LoadedApplication]) -> None:
        self._applications = tuple(applications)

    def start(self, call: Call) -> None:
        """Have the first application decide; never raises."""
        Deferred.fromCoroutine(self._whole(call))

    async def run(self, call: Call) -> None:
        """Have the next application decide; without one the call gets 404."""
        position = call.next_position()
        if position == len(self._applications):
            if not call.answered:
                call.finish(otherwise=404)
            return
        loaded = self._applications[position]
        try:
            if call.request.method == "INVITE":
                await loaded.application.call(call)
            else:
                await loaded.application.request(call)
        except CallEnded:
            raise
        except MessageError as error:  # the application looked at a field that the peer broke
            call.finish(otherwise=error.status_hint)
        except Exception:  # the plug-in border: nobody's exception stops the server
            self._blame(loaded.name, call)

    async def _whole(self, call: Call) -> None:
        with suppress(CallEnded):
            await self.run(call)
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
