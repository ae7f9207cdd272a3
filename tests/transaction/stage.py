"""The surroundings of a transaction layer, all recording into one list: wire, users, clock."""

from __future__ import annotations

__all__ = ["START", "Stage", "Wire", "as_request", "request_text"]

from collections.abc import Callable

from twisted.internet.task import Clock

from sipapp.errors import SendFailed, TransportError
from sipapp.message.message import Request, Response, response_to
from sipapp.message.parser import parse_message
from sipapp.transaction.client import ClientTransaction
from sipapp.transaction.layer import TransactionLayer
from sipapp.transaction.server import ServerTransaction
from sipapp.transaction.timers import Timers
from sipapp.transaction.wheel import TimerWheel
from sipapp.transport.flow import Flow
from sipapp.transport.later import Later

TIMERS = Timers()

START = 1000.0
"""What the clock shows at the beginning; timelines count from it."""

Record = Callable[[str], None]


def request_text(
    method: str = "INVITE",
    *,
    via: str = "SIP/2.0/UDP client.example.com;branch=z9hG4bKone",
    to_tag: str = "",
    cseq: str = "",
    more: str = "",
) -> bytes:
    """A request from Alice to Bob; ``more`` holds whole header lines, each with its CRLF."""
    tag = f";tag={to_tag}" if to_tag else ""
    return (
        f"{method} sip:bob@example.com SIP/2.0\r\n"
        f"Via: {via}\r\n"
        "Max-Forwards: 70\r\n"
        f"To: Bob <sip:bob@example.com>{tag}\r\n"
        "From: Alice <sip:alice@example.com>;tag=a7\r\n"
        "Call-ID: call-1@client.example.com\r\n"
        f"CSeq: {cseq or f'7 {method}'}\r\n"
        f"{more}Content-Length: 0\r\n\r\n"
    ).encode()


class Wire(Flow):
    """A flow that writes down what is sent, and breaks when told."""

    __slots__ = ("_clock", "_record", "sent", "timeline")

    def __init__(self, transport: str, clock: Clock, record: Record) -> None:
        here, there = ("192.0.2.1", 5060), ("192.0.2.2", 5060)
        super().__init__(transport, here, there, "192.0.2.1:5060", Later(clock))
        self._clock = clock
        self._record = record
        self.sent: list[bytes] = []
        self.timeline: list[tuple[float, str]] = []

    def send(self, data: bytes) -> None:
        """Write it down: whole, its first line with the time, and its one word."""
        first = data.partition(b"\r\n")[0].decode()
        words = first.split()
        self.sent.append(data)
        self.timeline.append((round(self._clock.seconds() - START, 3), first))
        self._record("> " + (words[1] if words[0] == "SIP/2.0" else words[0]))

    @property
    def watchers(self) -> int:
        """How many transactions wait for it to break."""
        return len(self._lost)


class Stage:
    """A layer with everything around it. It is its own core and its own client user.

    Attributes:
        events: what was seen from outside, in order: ``> 200`` was sent, ``up 180`` told to the
            client's user, ``request INVITE`` to the core, and so on.
        opened: the server transactions that the core was given.
        requests: what each transaction was about, by key; they let go of it themselves.
        on_request, on_response: what core and client user do from within the call.
    """

    def __init__(self, transport: str = "UDP", timers: Timers = TIMERS, most: int = 100) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.events: list[str] = []
        self.failures: list[Exception] = []
        self.opened: list[ServerTransaction] = []
        self.requests: dict[object, Request] = {}
        self.flow = Wire(transport, self.clock, self.events.append)
        self.wheel = TimerWheel(self.clock, failed=self.failures.append)
        self.layer = TransactionLayer(
            self.wheel,
            timers,
            reply_flow=lambda request, flow: flow,
            new_token=lambda: "fresh",
            max_transactions=most,
        )
        self.layer.user = self
        self.on_request: Callable[[ServerTransaction], None] = lambda tx: None
        self.on_response: Callable[[ClientTransaction, Response], None] = lambda tx, response: None

    # What the layer calls.

    def request(self, tx: ServerTransaction) -> None:
        self.events.append(f"request {tx.request.method}")
        self.opened.append(tx)
        self.requests[tx.key] = tx.request
        self.on_request(tx)

    def ack(self, request: Request, flow: Flow) -> None:
        self.events.append("ack")

    def stray_response(self, response: Response, flow: Flow) -> None:
        self.events.append(f"stray {response.status}")

    def response(self, tx: ClientTransaction, response: Response) -> None:
        self.events.append(f"up {response.status}")
        self.on_response(tx, response)

    def timed_out(self, tx: ClientTransaction) -> None:
        self.events.append("timed out")

    def failed(self, tx: ClientTransaction, error: TransportError) -> None:
        self.events.append("failed")

    # What tests do.

    def send(self, text: bytes | None = None) -> ClientTransaction:
        """Start a client transaction, an INVITE unless told otherwise."""
        request = as_request(text or request_text())
        tx = self.layer.send(request, self.flow, self)
        self.requests[tx.key] = request
        return tx

    def come(self, text: bytes) -> None:
        """Let a message come in from the network."""
        self.layer.receive(parse_message(text), self.flow)

    def answer(self, to: Request | ClientTransaction, status: int, to_tag: str = "b1") -> None:
        """Let a response to a request of ours come in from the network."""
        request = to if isinstance(to, Request) else self.requests[to.key]
        self.come(response_to(request, status, to_tag=to_tag).to_bytes())

    def open(self, text: bytes | None = None) -> ServerTransaction:
        """Let a request come in and return the transaction that the core was given."""
        self.come(text or request_text())
        return self.opened[-1]

    def respond(self, tx: ServerTransaction, status: int, to_tag: str = "b1") -> None:
        """Let the core respond."""
        tx.respond(response_to(self.requests[tx.key], status, to_tag=to_tag))

    def watch(self, tx: ServerTransaction) -> None:
        """Set what a server transaction may tell its user."""
        tx.cancelled = lambda cancel: self.events.append("cancelled")
        tx.ended = lambda: self.events.append("ended")

    def break_flow(self) -> None:
        """Let the connection break, and the next turn come."""
        self.flow.fail(SendFailed("reset"))
        self.clock.advance(0)

    def run(self, seconds: float) -> None:
        """Let time go by, stopping at every delayed call."""
        end = self.clock.seconds() + seconds
        while True:
            times = [call.getTime() for call in self.clock.getDelayedCalls()]
            if not times or min(times) > end:
                break
            self.clock.advance(max(0.0, min(times) - self.clock.seconds()))
        self.clock.advance(max(0.0, end - self.clock.seconds()))

    def taken(self) -> list[str]:
        """The events so far; they are forgotten."""
        events = self.events.copy()
        self.events.clear()
        return events

    def close(self) -> None:
        """Stop the layer; nothing may be left anywhere."""
        self.layer.stop()
        assert self.clock.getDelayedCalls() == []
        assert len(self.wheel) == 0
        assert self.flow.watchers == 0
        assert self.failures == []


def as_request(text: bytes) -> Request:
    """Parse a request."""
    message = parse_message(text)
    assert isinstance(message, Request)
    return message
