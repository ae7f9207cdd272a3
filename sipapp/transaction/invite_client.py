"""The INVITE client transaction: RFC 3261 17.1.1 as corrected by RFC 6026 7.2 and 8.4."""

from __future__ import annotations

__all__ = ["InviteClient"]

from collections.abc import Mapping
from typing import ClassVar

from sipapp.transaction.client import NOBODY, ClientTransaction
from sipapp.transaction.hop_requests import ack_for, cancel_for
from sipapp.transaction.machine import Event, State, Table, to


class InviteClient(ClientTransaction):
    """An INVITE on its way out. Timer C is the proxy core's, not ours."""

    __slots__ = ()
    first = State.CALLING
    retry = Event.TIMER_A
    ends: ClassVar[Mapping[State, Event]] = {
        State.CALLING: Event.TIMER_B,
        State.PROCEEDING: Event.TIMER_CANCEL,
        State.ACCEPTED: Event.TIMER_M,
        State.COMPLETED: Event.TIMER_D,
    }
    table: ClassVar[Table[InviteClient]]

    def restart_a_doubled(self) -> None:
        """Wait twice as long for the next one; there is no cap (RFC 3261 17.1.1.2)."""
        self._interval *= 2
        self._arm_retry()

    def stop_a_b(self) -> None:
        """The server is there and may take its time."""
        self._wheel.disarm(self)

    def start_m(self) -> None:
        """Pass 2xx responses up for 64*T1; the INVITE is not sent again."""
        self._wire = b""
        self._linger(self._timers.timer_m)

    def start_d(self) -> None:
        """Answer repeated final responses for 32 s, on unreliable transports."""
        self._linger_if_unreliable(self._timers.timer_d)

    def send_ack(self) -> None:
        """Acknowledge the 3xx-6xx; from now on the ACK is what a repetition sends."""
        self._wire = ack_for(self.request, self._response).to_bytes()
        self.flow.send(self._wire)

    def want_cancel(self) -> None:
        """Remember it: before a 1xx nobody may be there to be cancelled (RFC 3261 9.1)."""
        self._cancel_wanted = True

    def send_wanted_cancel(self) -> None:
        """Make up for a ``cancel`` that came before the first 1xx."""
        if self._cancel_wanted:
            self.send_cancel()

    def send_cancel(self) -> None:
        """Send the CANCEL, once, and give the final response 64*T1 from here."""
        if not self._cancel_sent:
            self._cancel_sent = True
            self._linger(self._timers.timer_b)
            self._layer.send(cancel_for(self.request), self.flow, NOBODY)


# One place on the wheel per transaction: arming for M or D also stops A and B.
_ACCEPT = to(State.ACCEPTED, InviteClient.start_m, InviteClient.pass_final_up)
_FAIL = to(State.COMPLETED, InviteClient.send_ack, InviteClient.start_d, InviteClient.pass_last_up)

InviteClient.table = {  # RFC 3261 17.1.1.2, figure 5 as replaced by RFC 6026 8.4
    State.CALLING: {
        Event.TIMER_A: to(State.CALLING, InviteClient.resend, InviteClient.restart_a_doubled),
        Event.TIMER_B: to(State.TERMINATED, InviteClient.report_timeout),
        Event.SEND_FAILED: to(State.TERMINATED, InviteClient.report_failure),
        Event.PROVISIONAL: to(
            State.PROCEEDING,
            InviteClient.stop_a_b,
            InviteClient.send_wanted_cancel,
            InviteClient.pass_up,
        ),
        Event.SUCCESS: _ACCEPT,
        Event.FAILURE: _FAIL,
        Event.CANCEL: to(State.CALLING, InviteClient.want_cancel),
    },
    State.PROCEEDING: {
        Event.PROVISIONAL: to(State.PROCEEDING, InviteClient.pass_up),
        Event.SUCCESS: _ACCEPT,
        Event.FAILURE: _FAIL,
        Event.CANCEL: to(State.PROCEEDING, InviteClient.send_cancel),
        # RFC 3261 9.1: the original transaction counts as cancelled then.
        Event.TIMER_CANCEL: to(State.TERMINATED, InviteClient.report_timeout),
    },
    State.ACCEPTED: {
        Event.SUCCESS: to(State.ACCEPTED, InviteClient.pass_up),
        Event.TIMER_M: to(State.TERMINATED),
        Event.CANCEL: to(State.ACCEPTED),
    },
    State.COMPLETED: {
        Event.FAILURE: to(State.COMPLETED, InviteClient.resend),
        # The figure also informs the user; ours has its final response and must not fail over.
        Event.SEND_FAILED: to(State.TERMINATED),
        Event.TIMER_D: to(State.TERMINATED),
        Event.CANCEL: to(State.COMPLETED),
    },
    State.TERMINATED: {
        Event.CANCEL: to(State.TERMINATED),
    },
}
