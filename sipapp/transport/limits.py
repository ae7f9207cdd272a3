"""What the transports allow a peer to take, and what they count."""

from __future__ import annotations

__all__ = ["Counters", "Limits"]

from dataclasses import dataclass, field

from sipapp.message.stream import StreamLimits


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on what strangers can make us hold, in bytes, seconds and pieces.

    Attributes:
        stream: caps of one message on a stream.
        connections: accepted connections at a time. Twisted keeps a spare file descriptor, but
            the process limit should be well above this.
        per_source: accepted connections from one address. Raise it for a trunk behind one NAT.
        message: a message must be whole this long after its first octet, whatever trickles in.
        fresh: idle time allowed to a connection that has never carried a whole message.
        idle: idle time of the others; above the 840 s at which phones on battery ping (RFC 5626
            4.4.1). A ping counts as life.
        half_closed: after the peer's FIN we still send for this long after the last answer ...
        half_closed_most: ... and no longer than this, 64*T1, in total.
        linger: how long a peer may take to read our last words before the connection is cut.
        queue: octets that wait for a peer that does not read, over which its flow is dropped.
        datagram_flows: remotes remembered in each of two generations, per listener.
        refusal: how long a peer that refused TCP gets large requests by UDP.
    """

    stream: StreamLimits = field(default_factory=StreamLimits)
    connections: int = 10_000
    per_source: int = 100
    message: float = 15.0
    fresh: float = 60.0
    idle: float = 900.0
    half_closed: float = 5.0
    half_closed_most: float = 32.0
    linger: float = 2.0
    queue: int = 256 * 1024
    datagram_flows: int = 16_384
    refusal: float = 60.0


@dataclass(slots=True)
class Counters:
    """Events that nobody is told about one by one. Only ever grow.

    Attributes:
        noise: datagrams that are no SIP: keep-alives, STUN, empty, binary.
        malformed: broken messages that could not or must not be answered.
        refused: broken requests answered statelessly.
        foreign: responses whose top Via is not ours (RFC 3261 18.1.2).
        unsent: datagrams that the system did not take.
        failures: exceptions that escaped from the layer above; each one is a bug.
        evicted: connections closed to make room for a newer one.
        rejected: connections not accepted because of a cap.
        expired: connections closed by a deadline.
        overflowed: flows dropped because the peer did not read.
    """

    noise: int = 0
    malformed: int = 0
    refused: int = 0
    foreign: int = 0
    unsent: int = 0
    failures: int = 0
    evicted: int = 0
    rejected: int = 0
    expired: int = 0
    overflowed: int = 0
