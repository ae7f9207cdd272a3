"""The INVITE server transaction: RFC 3261 17.2.1 as corrected by RFC 6026 7.1 and 8.5-8.8."""

from __future__ import annotations

__all__ = ["InviteServer"]

from collections.abc import Mapping
from typing import ClassVar

from sipapp.errors import MessageError
from sipapp.message.fields import parse_name_addr
from sipapp.message.message import Request, Response
from sipapp.transaction.machine import RESPONDED, Event, State, Table, fire, to
from sipapp.transaction.server import ServerTransaction
from sipapp.transport.flow import Flow


class InviteServer(ServerTransaction):
    """An INVITE that came in."""

    __slots__ = ("_accepted_to", "_ack")
    invite = True
    first = State.PROCEEDING
    retry = Event.TIMER_G
    ends: ClassVar[Mapping[State, Event]] = {
        State.PROCEEDING: Event.TIMER_TRYING,
        State.ACCEPTED: Event.TIMER_L,
        State.COMPLETED: Event.TIMER_H,
        State.CONFIRMED: Event.TIMER_I,
    }
    table: ClassVar[Table[InviteServer]]

    def start(self) -> None:
        """Wait for the time of the 100, unless the user has answered already."""
        if not self._wire and self.state is State.PROCEEDING:
            self._linger(self._timers.trying_after)

    def acknowledge(self, ack: Request, flow: Flow) -> None:
        """Take an ACK that matches this transaction."""
        self._ack = (ack, flow)
        fire(self, Event.ACK)
        del self._ack

    def _event(self, response: Response) -> Event:
        return RESPONDED[response.status // 100]

    def stop_trying(self) -> None:
        """The user has answered in time."""
        if self.due:
            self._wheel.disarm(self)

    @property
    def sent_to_tag(self) -> str | None:
        """The To tag of the response that was sent last, if there was one with a tag."""
        if self._wire or self.state is not State.ACCEPTED:
            return super().sent_to_tag
        try:
            return parse_name_addr(self._accepted_to.partition(b":")[2].strip(), "To").tag
        except MessageError:  # what a proxy passes on may be broken
            return None

    def let_go(self) -> None:
        """Keep no 2xx for half a minute: who sent it repeats it (RFC 3261 13.3.1.4)."""
        self._accepted_to = self._response.headers.line("To") or b""
        self._wire = b""

    def start_l(self) -> None:
        """Absorb repeated INVITEs and pass ACKs up for 64*T1."""
        self._linger(self._timers.timer_l)

    def start_g_h(self) -> None:
        """Repeat the response after T1 on unreliable transports, wait 64*T1 for the ACK."""
        timers = self._timers
        if self.flow.reliable:
            self._linger(timers.timer_h)
        else:
            self._end = self._wheel.arm(self, timers.t1) + timers.timer_h

    def restart_g_doubled(self) -> None:
        """Wait twice as long for the next one, at most T2."""
        self._interval = min(2 * self._interval, self._timers.t2)
        self._arm_retry()

    def start_i(self) -> None:
        """Absorb repeated ACKs for T4, on unreliable transports."""
        self._linger_if_unreliable(self._timers.timer_i)

    def pass_ack_up(self) -> None:
        """Give the ACK of a 2xx to the user, although it matches this transaction.

        RFC: 6026 6. From a peer of RFC 2543 it does: its ACK has no branch of its own.
        """
        ack, flow = self._ack
        self._layer.user.ack(ack, flow)


InviteServer.table = {  # RFC 3261 17.2.1, figure 7 as replaced by RFC 6026 8.6
    State.PROCEEDING: {
        Event.REQUEST: to(State.PROCEEDING, InviteServer.resend),
        Event.TIMER_TRYING: to(State.PROCEEDING, InviteServer.send_trying),
        Event.RESPOND_PROVISIONAL: to(
            State.PROCEEDING, InviteServer.stop_trying, InviteServer.send_response
        ),
        # One place on the wheel per transaction: arming for L or G also stops the wait for 100.
        Event.RESPOND_SUCCESS: to(
            State.ACCEPTED, InviteServer.send_final, InviteServer.let_go, InviteServer.start_l
        ),
        Event.RESPOND_FAILURE: to(State.COMPLETED, InviteServer.send_final, InviteServer.start_g_h),
    },
    State.ACCEPTED: {
        # The user repeats its 2xx; further ones come from other branches of a fork.
        Event.RESPOND_SUCCESS: to(State.ACCEPTED, InviteServer.send_response, InviteServer.let_go),
        Event.ACK: to(State.ACCEPTED, InviteServer.pass_ack_up),
        Event.TIMER_L: to(State.TERMINATED),
    },
    State.COMPLETED: {
        Event.REQUEST: to(State.COMPLETED, InviteServer.resend),
        Event.TIMER_G: to(State.COMPLETED, InviteServer.resend, InviteServer.restart_g_doubled),
        Event.ACK: to(State.CONFIRMED, InviteServer.start_i),
        Event.TIMER_H: to(State.TERMINATED),
    },
    State.CONFIRMED: {
        Event.TIMER_I: to(State.TERMINATED),
    },
    State.TERMINATED: {  # RFC 6026 8.3: what comes too late is discarded
        Event.RESPOND_PROVISIONAL: to(State.TERMINATED),
        Event.RESPOND_SUCCESS: to(State.TERMINATED),
        Event.RESPOND_FAILURE: to(State.TERMINATED),
    },
}
