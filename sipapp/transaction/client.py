"""Client transactions: what both have in common, and the non-INVITE machine."""

from __future__ import annotations

__all__ = ["NOBODY", "ClientLayer", "ClientTransaction", "ClientUser", "NonInviteClient"]

from collections.abc import Mapping
from typing import ClassVar, Protocol

from sipapp.errors import TransportError
from sipapp.message.message import Request, Response
from sipapp.transaction.machine import RECEIVED, Event, State, Table, fire, to
from sipapp.transaction.matching import ClientKey
from sipapp.transaction.timers import Timers
from sipapp.transaction.transaction import Transaction
from sipapp.transaction.wheel import IDLE, TimerWheel
from sipapp.transport.flow import Flow


class ClientUser(Protocol):
    """Who started a client transaction: told every response, or why there will be none.

    After a final response, ``timed_out`` or ``failed`` nothing more comes, except the 2xx
    responses that an accepted INVITE goes on to receive. Each call may come from within
    ``cancel`` of another transaction, never from within the ``send`` that started this one.
    """

    def response(self, tx: ClientTransaction, response: Response) -> None:
        """A provisional or final response; of an INVITE also every repeated 2xx (RFC 6026)."""

    def timed_out(self, tx: ClientTransaction) -> None:
        """Timer B or F fired, or 64*T1 went by after CANCEL; acts as a 408 (8.1.3.1)."""

    def failed(self, tx: ClientTransaction, error: TransportError) -> None:
        """The flow broke before a final response; acts as a 503 (8.1.3.1)."""


class ClientLayer(Protocol):
    """What a client transaction needs of the layer it lives in."""

    def forget_client(self, tx: ClientTransaction) -> None:
        """The transaction has terminated."""

    def send(self, request: Request, flow: Flow, user: ClientUser) -> ClientTransaction:
        """Start another transaction: the CANCEL."""


class Nobody:
    """The user of a CANCEL, and of every transaction that has ended.

    An ended transaction lets go of its user, so that the two make no reference cycle.
    """

    def response(self, tx: ClientTransaction, response: Response) -> None:
        """Ignore it."""

    def timed_out(self, tx: ClientTransaction) -> None:
        """Ignore it."""

    def failed(self, tx: ClientTransaction, error: TransportError) -> None:
        """Ignore it."""


NOBODY = Nobody()


class ClientTransaction(Transaction):
    """The client side of one hop.

    RFC: 3261 17.1.

    Attributes:
        user: is told what becomes of the request; `NOBODY` once nothing more will be told.
    """

    __slots__ = ("_cancel_sent", "_cancel_wanted", "_error", "_layer", "_response", "user")

    first: ClassVar[State]
    key: ClientKey

    def __init__(
        self,
        request: Request,
        flow: Flow,
        key: ClientKey,
        user: ClientUser,
        layer: ClientLayer,
        wheel: TimerWheel,
        timers: Timers,
    ) -> None:
        self.request = request
        self.flow = flow
        self.key = key
        self.state = self.first
        self.user = user
        self.due = IDLE
        self._layer = layer
        self._wheel = wheel
        self._timers = timers
        self._interval = timers.t1
        self._end = 0.0
        self._wire = request.to_bytes()
        self._cancel_wanted = False
        self._cancel_sent = False

    @property
    def branch(self) -> str:
        """The branch of our Via on top of the request."""
        return self.key[0]

    def start(self) -> None:
        """Send the request and start the clock. 64*T1 is timer B or F, as the machine names it."""
        flow, timers = self.flow, self._timers
        if flow.reliable or flow.closed:
            flow.watch(self.flow_lost)
        if flow.reliable:
            self._linger(timers.timer_b)
        else:
            self._end = self._wheel.arm(self, timers.t1) + timers.timer_b
        flow.send(self._wire)

    def receive(self, response: Response) -> None:
        """Take a response that the layer matched to this transaction."""
        self._response = response
        fire(self, RECEIVED[response.status // 100])
        del self._response

    def flow_lost(self, error: TransportError) -> None:
        """Called by a reliable flow that broke, or one that is closed, in a turn of its own."""
        self._error = error
        fire(self, Event.SEND_FAILED)

    def cancel(self) -> None:
        """Ask for the end of the search (RFC 3261 9.1).

        The CANCEL goes out once a provisional response has come, at most once, and not at all
        if a final response comes first. Then the user is told that final response, which is
        usually a 487, or ``timed_out`` when none comes within 64*T1.

        Raises:
            WrongState: the request is not an INVITE.
        """
        fire(self, Event.CANCEL)

    def leave(self) -> None:
        """Stop the clock, tell the layer, let go of the user."""
        self._layer.forget_client(self)
        self.abandon()

    def abandon(self) -> None:
        """End without telling anybody; the user is let go."""
        self.state = State.TERMINATED
        if self.due:
            self._wheel.disarm(self)
        if self.flow.reliable or self.flow.closed:
            self.flow.unwatch(self.flow_lost)
        self.user = NOBODY

    # Actions that both machines use.

    def resend(self) -> None:
        """Send the same octets again."""
        self.flow.send(self._wire)

    def pass_up(self) -> None:
        """Tell the user the response."""
        self.user.response(self, self._response)

    def pass_final_up(self) -> None:
        """Tell the user the first final response; the request has done its work."""
        self.user.response(self, self._response)
        del self.request

    def pass_last_up(self) -> None:
        """Tell the user the last response there will be, and let go of it."""
        user, self.user = self.user, NOBODY
        user.response(self, self._response)
        del self.request

    def report_timeout(self) -> None:
        """Tell the user that no final response came in time."""
        self.user.timed_out(self)

    def report_failure(self) -> None:
        """Tell the user that the flow broke."""
        self.user.failed(self, self._error)


class NonInviteClient(ClientTransaction):
    """Every request but INVITE and ACK. RFC: 3261 17.1.2 and figure 6."""

    __slots__ = ()
    first = State.TRYING
    retry = Event.TIMER_E
    ends: ClassVar[Mapping[State, Event]] = {
        State.TRYING: Event.TIMER_F,
        State.PROCEEDING: Event.TIMER_F,
        State.COMPLETED: Event.TIMER_K,
    }
    table: ClassVar[Table[NonInviteClient]]

    def restart_e_doubled(self) -> None:
        """Wait twice as long for the next one, at most T2."""
        self._interval = min(2 * self._interval, self._timers.t2)
        self._arm_retry()

    def restart_e_with_t2(self) -> None:
        """Wait T2 for the next one: the server is known to be there."""
        self._interval = self._timers.t2
        self._arm_retry()

    def start_k(self) -> None:
        """Absorb repeated responses for T4, on unreliable transports."""
        self._wire = b""
        self._linger_if_unreliable(self._timers.timer_k)


_COMPLETE = to(State.COMPLETED, NonInviteClient.start_k, NonInviteClient.pass_last_up)

NonInviteClient.table = {  # RFC 3261 17.1.2.2, figure 6
    State.TRYING: {
        Event.TIMER_E: to(State.TRYING, NonInviteClient.resend, NonInviteClient.restart_e_doubled),
        Event.TIMER_F: to(State.TERMINATED, NonInviteClient.report_timeout),
        Event.SEND_FAILED: to(State.TERMINATED, NonInviteClient.report_failure),
        # Timer E runs on as it is: it takes T2 when it fires next.
        Event.PROVISIONAL: to(State.PROCEEDING, NonInviteClient.pass_up),
        Event.SUCCESS: _COMPLETE,
        Event.FAILURE: _COMPLETE,
    },
    State.PROCEEDING: {
        Event.TIMER_E: to(
            State.PROCEEDING, NonInviteClient.resend, NonInviteClient.restart_e_with_t2
        ),
        Event.TIMER_F: to(State.TERMINATED, NonInviteClient.report_timeout),
        Event.SEND_FAILED: to(State.TERMINATED, NonInviteClient.report_failure),
        Event.PROVISIONAL: to(State.PROCEEDING, NonInviteClient.pass_up),
        Event.SUCCESS: _COMPLETE,
        Event.FAILURE: _COMPLETE,
    },
    State.COMPLETED: {
        Event.TIMER_K: to(State.TERMINATED),
    },
    State.TERMINATED: {},
}
