"""Server transactions: what both have in common, and the non-INVITE machine."""

from __future__ import annotations

__all__ = ["NonInviteServer", "ServerLayer", "ServerTransaction", "TransactionUser"]

from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

from sipapp.errors import MessageError
from sipapp.message.message import Request, Response, response_to
from sipapp.message.parser import parse_message
from sipapp.transaction.answered import Answered
from sipapp.transaction.machine import RESPONDED, Event, State, Table, fire, to
from sipapp.transaction.matching import Key, repeatable_tag
from sipapp.transaction.timers import Timers
from sipapp.transaction.transaction import Transaction
from sipapp.transaction.wheel import IDLE, TimerWheel
from sipapp.transport.flow import Flow


class TransactionUser(Protocol):
    """The core above a transaction layer: gets what belongs to no transaction that exists."""

    def request(self, tx: ServerTransaction) -> None:
        """A new request; never an ACK, never a CANCEL."""

    def ack(self, request: Request, flow: Flow) -> None:
        """The ACK of a 2xx (it is a transaction of its own), or a stray one."""

    def stray_response(self, response: Response, flow: Flow) -> None:
        """A response to nothing we sent; a stateful element drops it (RFC 6026 7.3)."""


class ServerLayer(Protocol):
    """What a server transaction needs of the layer it lives in."""

    user: TransactionUser
    answered: Answered

    def forget_server(self, tx: ServerTransaction) -> None:
        """The transaction has terminated."""

    def new_token(self) -> str:
        """An unguessable ASCII token for a tag."""


class ServerTransaction(Transaction):
    """The server side of one hop.

    RFC: 3261 17.2. It does not watch the flow of its responses: a response that could not be
    sent does not end an INVITE transaction (RFC 6026 7.1), and the transport has tried the
    other ways by itself (RFC 3261 18.2.2).

    Attributes:
        reply: the way its responses go.
        cancelled: called with the CANCEL of an INVITE without a final response; the layer has
            answered the CANCEL. The user sets it.
        ended: called once when the transaction terminates. The user sets it.
    """

    __slots__ = ("_layer", "_response", "_to_tag", "cancelled", "ended", "reply")

    invite: ClassVar[bool]
    first: ClassVar[State]

    def __init__(
        self,
        request: Request,
        flow: Flow,
        reply: Flow,
        key: Key,
        layer: ServerLayer,
        wheel: TimerWheel,
        timers: Timers,
    ) -> None:
        self.request = request
        self.flow = flow
        self.reply = reply
        self.key = key
        self.state = self.first
        self.cancelled: Callable[[Request], None] | None = None
        self.ended: Callable[[], None] | None = None
        self.due = IDLE
        self._layer = layer
        self._wheel = wheel
        self._timers = timers
        self._interval = timers.t1
        self._end = 0.0
        self._wire = b""
        self._to_tag: str | None = None

    @property
    def to_tag(self) -> str:
        """The To tag of its responses: what was sent last, else one made up and kept.

        A user that answers by itself takes it, so that its answer and the 200 of a CANCEL have
        the same tag (RFC 3261 9.2).
        """
        sent = self.sent_to_tag
        if sent is not None:
            return sent
        if self._to_tag is None:
            self._to_tag = self._layer.new_token()
        return self._to_tag

    @property
    def silent(self) -> bool:
        """Whether no response was sent yet."""
        return not self._wire and self.state is self.first

    @property
    def repeatable_tag(self) -> str:
        """The To tag for `dismiss`, the same for each copy of the request."""
        return repeatable_tag(self.key)

    @property
    def sent_to_tag(self) -> str | None:
        """The To tag of the response that was sent last, if there was one with a tag."""
        # Read back from the octets: rarely wanted, and cheaper than keeping the response.
        try:
            return parse_message(self._wire).to_tag if self._wire else None
        except MessageError:  # what a proxy passes on may be broken
            return None

    def start(self) -> None:
        """Start the clock, after the user has seen the request and perhaps answered at once."""
        raise NotImplementedError

    def respond(self, response: Response) -> None:
        """Send a response.

        After the end of the transaction it is dropped (RFC 6026 8.3).

        Raises:
            WrongState: a response that this state does not allow, such as a second final
                response to an INVITE (a further 2xx after a 2xx is allowed).
        """
        self._response = response
        fire(self, self._event(response))
        del self._response

    @property
    def repeated(self) -> bool:
        """Whether this very request was carried out before and let go by `dismiss`."""
        return self.key in self._layer.answered

    def dismiss(self, response: Response, *, carried_out: bool = False) -> None:
        """Answer and forget: the request, sent again, is a new one and judged again.

        RFC: 3261 8.2.7, 26.3.2.4. For those who have proved nothing: they get one datagram for
        one, and cost no memory. To needs ``repeatable_tag``.

        Args:
            response: the final response.
            carried_out: the request has changed something; its copies are to be told apart by
                ``repeated`` for as long as timer J would run.
        """
        if carried_out and not self.flow.reliable:
            self._layer.answered.add(self.key)
        self.reply.send(response.to_bytes())
        self.leave()

    def receive(self) -> None:
        """The request came again."""
        fire(self, Event.REQUEST)

    def leave(self) -> None:
        """Stop the clock, tell the layer and the user."""
        self._layer.forget_server(self)
        ended = self.ended
        self.abandon()
        if ended is not None:
            ended()

    def abandon(self) -> None:
        """End without telling anybody; the user is let go."""
        self.state = State.TERMINATED
        if self.due:
            self._wheel.disarm(self)
        self.cancelled = None
        self.ended = None

    def _event(self, response: Response) -> Event:
        raise NotImplementedError

    # Actions that both machines use.

    def send_response(self) -> None:
        """Send the user's response and keep its octets."""
        self._wire = wire = self._response.to_bytes()
        self.reply.send(wire)

    def send_final(self) -> None:
        """Send the user's first final response; the request has done its work."""
        self.send_response()
        del self.request

    def resend(self) -> None:
        """Send the last response again, if there was one."""
        if self._wire:
            self.reply.send(self._wire)

    def send_trying(self) -> None:
        """Send 100 (Trying), in place of a user who takes time."""
        self._wire = response_to(self.request, 100).to_bytes()
        self.reply.send(self._wire)


class NonInviteServer(ServerTransaction):
    """Every request but INVITE and ACK. RFC: 3261 17.2.2, figure 8; 4320.

    RFC 4320: 100 is the only provisional response, over unreliable transports not before the
    client's timer E reaches T2; then it is sent in any case. 408 is never sent, nor any final
    response after the client's timer F. What is barred is dropped, so that a proxy need not know.
    """

    __slots__ = ()
    invite = False
    first = State.TRYING
    retry = Event.TIMER_TRYING
    ends: ClassVar[Mapping[State, Event]] = {
        State.TRYING: Event.TIMER_F,
        State.PROCEEDING: Event.TIMER_F,
        State.COMPLETED: Event.TIMER_J,
    }
    table: ClassVar[Table[NonInviteServer]]

    def start(self) -> None:
        """Wait for the time of the 100, and for the client's timer F after it."""
        if self.state is State.TRYING:
            timers = self._timers
            self._end = self._wheel.arm(self, timers.e_reaches_t2) + timers.timer_f

    def wait_for_f(self) -> None:
        """The 100 is out; the client waits until its timer F."""
        self._interval = self._timers.timer_f
        if self._end:
            self._arm_retry()
        else:  # the user answered before the clock was started
            self._linger(self._timers.timer_f)

    def start_j(self) -> None:
        """Answer repeated requests for 64*T1, on unreliable transports."""
        self._linger_if_unreliable(self._timers.timer_j)

    def _event(self, response: Response) -> Event:
        status = response.status
        timely = status != 100 or self.flow.reliable or self.state is not State.TRYING
        barred = status == 408 or 100 < status < 200 or not timely
        return Event.RESPOND_BARRED if barred else RESPONDED[status // 100]


_COMPLETE = to(State.COMPLETED, NonInviteServer.send_final, NonInviteServer.start_j)

NonInviteServer.table = {  # RFC 3261 17.2.2, figure 8; RFC 4320 4
    State.TRYING: {
        Event.RESPOND_PROVISIONAL: to(
            State.PROCEEDING, NonInviteServer.send_response, NonInviteServer.wait_for_f
        ),
        Event.RESPOND_SUCCESS: _COMPLETE,
        Event.RESPOND_FAILURE: _COMPLETE,
        Event.RESPOND_BARRED: to(State.TRYING),
        Event.TIMER_TRYING: to(
            State.PROCEEDING, NonInviteServer.send_trying, NonInviteServer.wait_for_f
        ),
        Event.TIMER_F: to(State.TERMINATED),
    },
    State.PROCEEDING: {
        Event.REQUEST: to(State.PROCEEDING, NonInviteServer.resend),
        Event.RESPOND_PROVISIONAL: to(State.PROCEEDING, NonInviteServer.send_response),
        Event.RESPOND_SUCCESS: _COMPLETE,
        Event.RESPOND_FAILURE: _COMPLETE,
        Event.RESPOND_BARRED: to(State.PROCEEDING),
        Event.TIMER_F: to(State.TERMINATED),
    },
    State.COMPLETED: {
        Event.REQUEST: to(State.COMPLETED, NonInviteServer.resend),
        # Any other response is discarded (RFC 3261 17.2.2).
        Event.RESPOND_PROVISIONAL: to(State.COMPLETED),
        Event.RESPOND_SUCCESS: to(State.COMPLETED),
        Event.RESPOND_FAILURE: to(State.COMPLETED),
        Event.RESPOND_BARRED: to(State.COMPLETED),
        Event.TIMER_J: to(State.TERMINATED),
    },
    State.TERMINATED: {
        Event.RESPOND_PROVISIONAL: to(State.TERMINATED),
        Event.RESPOND_SUCCESS: to(State.TERMINATED),
        Event.RESPOND_FAILURE: to(State.TERMINATED),
        Event.RESPOND_BARRED: to(State.TERMINATED),
    },
}
