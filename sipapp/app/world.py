"""What the server takes from its surroundings: sockets, time, chance and DNS, real or virtual."""

from __future__ import annotations

__all__ = ["World"]

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from sipapp.transport.network import Network
from sipapp.transport.resolver import Dns


@dataclass(frozen=True, slots=True)
class World:
    """Everything a `Server` would otherwise reach for by itself.

    Attributes:
        network: opens sockets.
        clock: monotonic seconds and delayed calls.
        utc: seconds since the epoch, for what outlives the process.
        dns: asks for NAPTR, SRV and addresses.
        random_bytes: gives that many unpredictable octets.
        uniform: a number from 0 up to 1, for jitter and SRV weights.
        call_from_thread: runs a call in the reactor's thread.
    """

    network: Network
    clock: IReactorTime
    utc: Callable[[], float]
    dns: Dns
    random_bytes: Callable[[int], bytes]
    uniform: Callable[[], float]
    call_from_thread: Callable[..., object]
