"""Everything that crossed a virtual wire, in order."""

from __future__ import annotations

__all__ = ["Ladder", "Packet"]

from dataclasses import dataclass

from sipapp.transport.hop import Address, host_port


@dataclass(frozen=True, slots=True)
class Packet:
    """One datagram, or one write to a connection.

    Attributes:
        time: when it was sent, by the clock of the network.
        transport: "UDP" or "TCP".
        source, destination: addresses as on the wire.
        data: the octets; for the signals of a connection none.
        note: "" for octets that arrive, "lost", or the signal: "SYN" "FIN" "RST".
    """

    time: float
    transport: str
    source: Address
    destination: Address
    data: bytes
    note: str = ""

    def __str__(self) -> str:
        first = self.data.partition(b"\r\n")[0].decode("utf-8", "replace")
        said = " ".join(word for word in (self.note, first or f"{len(self.data)} octets") if word)
        return (
            f"{self.time:10.3f} {self.transport} {host_port(*self.source)} ->"
            f" {host_port(*self.destination)} {said}"
        )


class Ladder(list[Packet]):
    """The packets of a network; as text, one line each with the first line of the message."""

    def __str__(self) -> str:
        return "\n".join(str(packet) for packet in self)

    def messages(self, source: Address | None = None) -> list[bytes]:
        """The octets of all packets that carried some, or of those from one address."""
        return [p.data for p in self if p.data and source in (None, p.source)]
