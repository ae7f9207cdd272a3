"""DNS in memory: what a test says the world looks like, slow and silent servers included."""

from __future__ import annotations

__all__ = ["Zone"]

import shlex
from typing import TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime

from sipapp.errors import ResolveFailed, UsageError
from sipapp.transport.dns import Answer, Naptr, Srv

R = TypeVar("R")

Record = Naptr | Srv | str


class Zone:
    """Answers like DNS from records that are written like in a zone file.

    Args:
        clock: for delays.
        text: records to begin with, see ``add``.

    Attributes:
        asked: every question so far, as (type, name).
        delays: seconds until an answer, by name.
        silent: names whose servers never answer.
        failing: names that are answered SERVFAIL.
        negative_ttl: seconds that "no such thing" may be remembered.
    """

    def __init__(self, clock: IReactorTime, text: str = "") -> None:
        self.asked: list[tuple[str, str]] = []
        self.delays: dict[str, float] = {}
        self.silent: set[str] = set()
        self.failing: set[str] = set()
        self.negative_ttl = 30.0
        self._clock = clock
        self._records: dict[tuple[str, str], list[tuple[float, object]]] = {}
        self.add(text)

    def add(self, text: str) -> None:
        """Add records, one a line: ``name TTL IN type content``.

        Types are A, AAAA, SRV and NAPTR; empty lines and those of ``;`` are skipped, and so is a
        final dot of a name.

        Raises:
            UsageError: a line is of another form.
        """
        for line in text.splitlines():
            words = shlex.split(line.strip()) if not line.strip().startswith(";") else []
            if not words:
                continue
            if len(words) < 5 or words[2] != "IN":
                raise UsageError(f"not a record: {line.strip()}")
            name, ttl, _, kind, *content = words
            record = _record(kind, content)
            self._records.setdefault((kind, _plain(name)), []).append((float(ttl), record))

    def remove(self, kind: str, name: str) -> None:
        """Take all records of a type away from a name."""
        self._records.pop((kind, _plain(name)), None)

    def naptr(self, name: str) -> Deferred[Answer[Naptr]]:
        """The NAPTR records of a domain."""
        return self._answer("NAPTR", name, Naptr)

    def srv(self, name: str) -> Deferred[Answer[Srv]]:
        """The SRV records of a service."""
        return self._answer("SRV", name, Srv)

    def addresses(self, name: str, family: int) -> Deferred[Answer[str]]:
        """The A or AAAA records of a host."""
        return self._answer("AAAA" if family == 6 else "A", name, str)

    def _answer(self, kind: str, name: str, form: type[R]) -> Deferred[Answer[R]]:
        name = _plain(name)
        self.asked.append((kind, name))
        if name in self.silent:
            return Deferred()
        if name in self.failing:
            return fail(ResolveFailed(f"{name}: SERVFAIL"))
        found = self._records.get((kind, name), [])
        ttl = min((ttl for ttl, _ in found), default=self.negative_ttl)
        answer = Answer(tuple(r for _, r in found if isinstance(r, form)), ttl)
        return self._after(self.delays.get(name, 0.0), answer)

    def _after(self, delay: float, answer: Answer[R]) -> Deferred[Answer[R]]:
        if not delay:
            return succeed(answer)
        call = self._clock.callLater(delay, lambda: late.callback(answer))
        late: Deferred[Answer[R]] = Deferred(lambda _: call.cancel())
        return late


def _record(kind: str, content: list[str]) -> Record:
    match kind, content:
        case (("A" | "AAAA"), [address]):
            return address
        case "SRV", [priority, weight, port, target]:
            return Srv(int(priority), int(weight), int(port), _plain(target) or ".")
        case "NAPTR", [order, preference, flags, service, regexp, replacement]:
            return Naptr(int(order), int(preference), flags, service, regexp, _plain(replacement))
    raise UsageError(f"not a record of type {kind}: {content}")


def _plain(name: str) -> str:
    return name.rstrip(".").lower()
