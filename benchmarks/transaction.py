"""What a transaction costs, without parsing: ``python -m benchmarks.transaction``.

Prints microseconds on this machine, the best of several runs; compare two versions in the same
minute only. Each of 10,000 INVITE transactions is created, sees a 180 and a 200, and stays alive.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from twisted.internet.task import Clock

from sipapp.errors import TransportError
from sipapp.message.message import Request, Response, response_to
from sipapp.message.parser import parse_message
from sipapp.transaction.client import ClientTransaction
from sipapp.transaction.layer import TransactionLayer
from sipapp.transaction.server import ServerTransaction
from sipapp.transaction.timers import Timers
from sipapp.transaction.wheel import IDLE, TimerWheel
from sipapp.transport.flow import Flow
from sipapp.transport.later import Later

COUNT = 10_000

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK%d\r\n"
    b"Max-Forwards: 70\r\n"
    b"From: Alice <sip:alice@example.com>;tag=9fxced76sl\r\n"
    b"To: Bob <sip:bob@example.com>\r\n"
    b"Call-ID: 3848276298220188511@192.0.2.4\r\n"
    b"CSeq: 2 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.4;transport=udp>\r\n"
    b"Content-Length: 0\r\n\r\n"
)

Exchange = tuple[Request, Response, Response]


class Nowhere(Flow):
    """A flow that takes everything."""

    __slots__ = ()

    def send(self, data: bytes) -> None:
        """Do nothing."""


class Idler:
    """A core, a client user and an entry of the wheel that do nothing."""

    def __init__(self) -> None:
        self.due = IDLE
        self.opened: list[ServerTransaction] = []

    def request(self, tx: ServerTransaction) -> None:
        """Keep it, to be answered."""
        self.opened.append(tx)

    def ack(self, request: Request, flow: Flow) -> None:
        """Ignore it."""

    def stray_response(self, response: Response, flow: Flow) -> None:
        """Ignore it."""

    def response(self, tx: ClientTransaction, response: Response) -> None:
        """Ignore it."""

    def timed_out(self, tx: ClientTransaction) -> None:
        """Ignore it."""

    def failed(self, tx: ClientTransaction, error: TransportError) -> None:
        """Ignore it."""

    def on_timer(self, now: float) -> None:
        """Ignore it."""


class Bench:
    """A layer on a clock that reads the time like a real one but calls nothing."""

    def __init__(self) -> None:
        clock = Clock()
        clock.seconds = time.monotonic  # type: ignore[method-assign]
        place = ("192.0.2.1", 5060)
        self.idler = Idler()
        self.flow = Nowhere("UDP", place, place, "192.0.2.1", Later(clock))
        self.wheel = TimerWheel(clock)
        self.wheel.arm(Idler(), 3600.0)  # as under load: the wheel is never empty
        self.layer = TransactionLayer(self.wheel, Timers(), reply_flow=lambda request, flow: flow)
        self.layer.user = self.idler

    def client(self, exchanges: list[Exchange]) -> None:
        """Send each INVITE and receive its responses."""
        layer, flow, idler = self.layer, self.flow, self.idler
        for request, ringing, ok in exchanges:
            layer.send(request, flow, idler)
            layer.receive(ringing, flow)
            layer.receive(ok, flow)

    def server(self, exchanges: list[Exchange]) -> None:
        """Receive each INVITE and send its responses."""
        layer, flow, idler = self.layer, self.flow, self.idler
        for request, ringing, ok in exchanges:
            layer.receive(request, flow)
            tx = idler.opened.pop()
            tx.respond(ringing)
            tx.respond(ok)

    def clock(self, exchanges: list[Exchange]) -> None:
        """Arm and disarm one entry, once for each exchange."""
        wheel, idler = self.wheel, self.idler
        for _ in exchanges:
            wheel.arm(idler, 0.5)
            wheel.disarm(idler)


def exchange(number: int) -> Exchange:
    """An INVITE and its responses, as the parser gives them."""
    request = parse_message(INVITE % number)
    assert isinstance(request, Request)
    ringing, ok = (
        parse_message(response_to(request, status, to_tag="314159").to_bytes())
        for status in (180, 200)
    )
    assert isinstance(ringing, Response)
    assert isinstance(ok, Response)
    return request, ringing, ok


def microseconds(action: Callable[[Bench, list[Exchange]], None]) -> float:
    """The time for each exchange: the best of seven runs on messages never used before."""
    best = float("inf")
    for _ in range(7):
        bench, exchanges = Bench(), [exchange(number) for number in range(COUNT)]
        gc.collect()
        gc.disable()
        began = time.perf_counter()
        action(bench, exchanges)
        best = min(best, time.perf_counter() - began)
        gc.enable()
    return best / COUNT * 1e6


if __name__ == "__main__":
    for benchmark in (Bench.client, Bench.server, Bench.clock):
        print(f"{benchmark.__name__:8} {microseconds(benchmark):6.2f}")
