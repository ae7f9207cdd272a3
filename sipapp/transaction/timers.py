"""The timer values of RFC 3261 17 (table 4), RFC 6026 and RFC 6665, as one value.

Everything follows from T1, T2 and T4. The letters are the RFC's own. A letter that is zero on
reliable transports (D, I, J, K) has its unreliable value here: the transaction knows its flow.
"""

from __future__ import annotations

__all__ = ["Timers"]

from dataclasses import dataclass
from functools import cached_property

from sipapp.errors import UsageError

_LEAST_D = 32.0


@dataclass(frozen=True)  # without slots: cached properties need a place
class Timers:
    """The durations of one transaction layer, all in seconds.

    RFC: 3261 17.1.1.1 and table 4; 6026 (L, M); 6665 4.1.2.4 (N).

    Attributes:
        t1: estimate of the round-trip time.
        t2: longest interval between retransmissions of a non-INVITE request or a final response.
        t4: how long the network takes to clear messages between two transactions.
        timer_c: how long a proxy lets a branch ring (RFC 3261 16.6 item 11). The transactions
            do not run it; the proxy core does.
        trying_after: silence of the transaction user after which an INVITE server transaction
            sends 100 (Trying) by itself (RFC 3261 17.2.1).
    Raises:
        UsageError: a duration is not positive, or T2 is below T1.
    """

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    timer_c: float = 180.0
    trying_after: float = 0.2

    def __post_init__(self) -> None:
        if min(self.t1, self.t4, self.timer_c, self.trying_after) <= 0:
            raise UsageError("a timer must be positive")
        if self.t2 < self.t1:
            raise UsageError("T2 is below T1")

    @cached_property
    def timer_b(self) -> float:
        """How long an INVITE client transaction waits for any response."""
        return 64 * self.t1

    @cached_property
    def timer_d(self) -> float:
        """How long an INVITE client transaction answers repeated 3xx-6xx; at least 32 s."""
        # The server's T1 is unknown here, hence the absolute floor (RFC 3261 17.1.1.2).
        return max(_LEAST_D, 64 * self.t1)

    @cached_property
    def timer_f(self) -> float:
        """How long a non-INVITE client transaction waits for a final response."""
        return 64 * self.t1

    @cached_property
    def timer_h(self) -> float:
        """How long an INVITE server transaction waits for the ACK."""
        return 64 * self.t1

    @cached_property
    def timer_i(self) -> float:
        """How long an INVITE server transaction absorbs repeated ACKs."""
        return self.t4

    @cached_property
    def timer_j(self) -> float:
        """How long a non-INVITE server transaction answers repeated requests."""
        return 64 * self.t1

    @cached_property
    def timer_k(self) -> float:
        """How long a non-INVITE client transaction absorbs repeated responses."""
        return self.t4

    @cached_property
    def timer_l(self) -> float:
        """How long an accepted INVITE server transaction absorbs repeated INVITEs."""
        return 64 * self.t1

    @cached_property
    def timer_m(self) -> float:
        """How long an accepted INVITE client transaction passes 2xx responses up."""
        return 64 * self.t1

    @cached_property
    def timer_n(self) -> float:
        """How long a subscriber waits for the first NOTIFY (RFC 6665 4.1.2.4)."""
        return 64 * self.t1

    @cached_property
    def e_reaches_t2(self) -> float:
        """When timer E of a client that hears nothing is set to T2 for the first time.

        RFC: 4320 4.1: before this no 100 goes to a non-INVITE request over an unreliable
        transport, at this time a server that has not answered must send one. 3.5 s by default.
        """
        elapsed, interval = 0.0, self.t1
        while interval < self.t2:
            elapsed += interval
            interval *= 2
        return elapsed
