"""A server under torture: somebody sends it octets, somebody else gets what it forwards."""

from __future__ import annotations

__all__ = ["SINK", "Torture", "tortured"]

from collections.abc import Iterator
from contextlib import contextmanager

from sipapp.app.testing import Lab
from sipapp.app.testing.wire import open_wire
from sipapp.message.message import Request
from sipapp.message.parser import parse_message
from tests.torture.rows import Row

SINK = "203.0.113.5"
"""Every next hop of every message: the outbound proxy, and what the Route fields name."""

_SENDER = "198.51.100.77"
_SERVER = ("192.0.2.10", 5060)


class Torture:
    """What came of a message.

    Attributes:
        forwarded: the octets that reached the next hop.
        answers: what went back to where the message came from.
        closed: whether the server closed the connection.
    """

    def __init__(self, lab: Lab, transport: str) -> None:
        self.lab = lab
        self.forwarded: list[bytes] = []
        sink = lab.network.host(SINK, "127.0.0.1")
        wires = [
            open_wire(kind, sink, (address, port), self.forwarded.append)
            for kind in ("UDP", "TCP")
            for address, port in ((SINK, 5060), ("127.0.0.1", 5080))
        ]
        sender = lab.network.host(_SENDER)
        self._wire = open_wire(transport, sender, (_SENDER, 5060), lambda data: None)
        self._wires = [*wires, self._wire]

    def send(self, octets: bytes, seconds: float = 0.0) -> None:
        """Send octets, and let time pass."""
        self._wire.send(octets, _SERVER)
        self.lab.advance(seconds)

    @property
    def answers(self) -> list[bytes]:
        """The responses that went back, but 100; some are as broken as what they answer."""
        back = [p.data for p in self.lab.network.ladder if p.destination[0] == _SENDER]
        return [data for data in back if data and not data.startswith(b"SIP/2.0 100 ")]

    @property
    def requests(self) -> list[Request]:
        """What was forwarded."""
        parsed = [parse_message(data) for data in self.forwarded]
        return [request for request in parsed if isinstance(request, Request)]

    @property
    def closed(self) -> bool:
        """Whether the server ended the connection."""
        return any(
            packet.note in ("FIN", "RST") and packet.source[0] == _SERVER[0]
            for packet in self.lab.network.ladder
        )

    @property
    def outcome(self) -> str:
        """In the words of the expectations: "forward", a status, or "drop"."""
        if self.forwarded:
            return "forward"
        return self.answers[0].split(b" ")[1].decode() if self.answers else "drop"

    def close(self) -> None:
        """Leave the network."""
        for wire in self._wires:
            wire.close()


@contextmanager
def tortured(
    row: Row | None = None, *, transport: str = "UDP", **settings: object
) -> Iterator[Torture]:
    """Run a server that is responsible for nothing, and send it the message of a row."""
    settings = {"apps": ["proxy"], "domain": "edge.test", **settings}
    with Lab(outbound_proxy=f"sip:{SINK}", **settings) as lab:  # type: ignore[arg-type]
        lab.zone.add(f"services.example.com 60 IN A {SINK}")
        torture = Torture(lab, transport)
        if row is not None:
            torture.send(row.octets)
        yield torture
        torture.close()
