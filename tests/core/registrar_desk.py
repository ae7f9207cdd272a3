"""A registrar to register at, and the requests and responses that its tests compare."""

from __future__ import annotations

__all__ = ["ALICE", "DATE", "Desk", "answer", "parsed", "register"]

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sipapp.core.location import LocationStore, StoreLimits
from sipapp.core.registrar import Registrar
from sipapp.message.message import Request, Response
from sipapp.message.parser import parse_message
from sipapp.store.memory import MemoryLocationStore
from sipapp.transport.flow import Flow
from sipapp.transport.later import Later

ALICE = "sip:alice@example.com"
DATE = "Date: Sun, 06 Nov 1994 08:49:37 GMT"
SOURCE = ("192.0.2.7", 5060)


def in_memory(clock: Clock) -> LocationStore:
    """A store that answers at once."""
    return MemoryLocationStore(clock, StoreLimits(bindings=3))


class Desk:
    """A registrar for example.com with what surrounds it: clock, store, and the flow of a phone."""

    def __init__(
        self, make_store: Callable[[Clock], LocationStore] = in_memory, **options: object
    ) -> None:
        self.clock = Clock()
        self.store = make_store(self.clock)
        self.store.start()
        self.later = Later(self.clock)
        self.flow = self.flow_of("UDP")
        self.registrar = Registrar(
            self.store,
            lambda uri: uri.aor() if uri.host == "example.com" else None,
            clock=self.clock,
            utc=lambda: 784111777.0,
            random=lambda: 0.5,
            tag_of=lambda _: "ours",
            **options,  # type: ignore[arg-type]
        )

    def flow_of(self, transport: str, remote: tuple[str, int] = SOURCE) -> Flow:
        """A way to a phone."""
        return Flow(transport, ("192.0.2.1", 5060), remote, "sip.example.com:5060", self.later)

    def ask(self, request: Request, flow: Flow | None = None) -> Response:
        """Register and return the response, which a store in memory gives at once."""
        answers: list[Response] = []
        answered = Deferred.fromCoroutine(self.registrar.register(request, flow or self.flow))
        answered.addCallback(answers.append)
        (response,) = answers
        return response

    def status(self, *fields: str, cseq: int = 1, **more: Any) -> tuple[int, str]:
        """Register and return status and reason."""
        response = self.ask(register(*fields, cseq=cseq, **more))
        return response.status, response.reason

    def contacts(self) -> list[str]:
        """What is registered for Alice, as contact texts."""
        return [binding.contact for binding in self.store.lookup(ALICE)]


def register(
    *fields: str,
    cseq: int = 1,
    call_id: str = "c1",
    to: str = f"<{ALICE}>",
    uri: str = "sip:example.com",
    via: str = "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1",
) -> Request:
    """Make a REGISTER with some more header lines."""
    lines = [
        f"REGISTER {uri} SIP/2.0",
        via,
        "Max-Forwards: 70",
        f"From: <{ALICE}>;tag=f1",
        f"To: {to}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} REGISTER",
        *fields,
        "Content-Length: 0",
    ]
    return parsed(("\r\n".join(lines) + "\r\n\r\n").encode())


def parsed(data: bytes) -> Request:
    """Parse one request."""
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def answer(status: str, *fields: str, cseq: int = 1, call_id: str = "c1") -> bytes:
    """The whole response to :func:`register`, given its status line and its own fields."""
    lines = [
        f"SIP/2.0 {status}",
        "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1",
        f"From: <{ALICE}>;tag=f1",
        f"To: <{ALICE}>;tag=ours",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} REGISTER",
        *fields,
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
