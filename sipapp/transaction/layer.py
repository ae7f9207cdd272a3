"""The transaction layer: finds the transaction of a message, or makes one."""

from __future__ import annotations

__all__ = ["TransactionLayer"]

from collections.abc import Callable, Mapping
from functools import partial
from secrets import token_hex
from types import MappingProxyType
from typing import TypeAlias

from sipapp.errors import UsageError
from sipapp.message.message import Request, Response, response_to
from sipapp.transaction.answered import Answered
from sipapp.transaction.client import ClientTransaction, ClientUser, NonInviteClient
from sipapp.transaction.invite_client import InviteClient
from sipapp.transaction.invite_server import InviteServer
from sipapp.transaction.matching import (
    ClientKey,
    Key,
    client_key,
    has_branch,
    invite_keys_of_ack,
    repeatable_tag,
    response_key,
    server_key,
    tag_of,
)
from sipapp.transaction.server import NonInviteServer, ServerTransaction, TransactionUser
from sipapp.transaction.timers import Timers
from sipapp.transaction.wheel import TimerWheel
from sipapp.transport.flow import Flow

_new_token = partial(token_hex, 8)

Extra: TypeAlias = tuple[tuple[str, bytes], ...]

_RETRY_AFTER = (("Retry-After", b"10"),)


class TransactionLayer:
    """Every transaction of one server, between the transport below and the core above.

    RFC: 3261 17, 9.2; 6026; 4320.

    Args:
        wheel: runs the clocks of all transactions.
        timers: their durations.
        reply_flow: the way back of a request's responses (RFC 3261 18.2.2); asked once for
            each request that gets an answer.
        timers_of: other durations for the transports named ("UDP", "TLS" ...).
        new_token: gives unguessable ASCII tokens for To tags.
        max_transactions: most server transactions; a new request beyond them is answered 503
            without state. A CANCEL is never refused: there is at most one for each INVITE.

    Attributes:
        user: the core; to be set before the first message.
        refused: how many requests got that 503.
        answered: requests that were carried out and are not kept.
    """

    __slots__ = (
        "_clients", "_reply_flow", "_servers", "_stopped", "_timers", "_timers_of", "_wheel",
        "answered", "max_transactions", "new_token", "refused", "user",
    )  # fmt: skip

    user: TransactionUser

    def __init__(
        self,
        wheel: TimerWheel,
        timers: Timers,
        *,
        reply_flow: Callable[[Request, Flow], Flow],
        timers_of: Mapping[str, Timers] = MappingProxyType({}),
        new_token: Callable[[], str] = _new_token,
        max_transactions: int = 100_000,
    ) -> None:
        self._wheel = wheel
        self._timers = timers
        self._timers_of = timers_of
        self._reply_flow = reply_flow
        self._clients: dict[ClientKey, ClientTransaction] = {}
        self._servers: dict[Key, ServerTransaction] = {}
        self.new_token = new_token
        self.max_transactions = max_transactions
        self.refused = 0
        self.answered = Answered(wheel.seconds, timers.timer_j, max_transactions)
        self._stopped = False

    @property
    def client_count(self) -> int:
        """How many client transactions exist."""
        return len(self._clients)

    @property
    def server_count(self) -> int:
        """How many server transactions exist."""
        return len(self._servers)

    def receive(self, message: Request | Response, flow: Flow) -> None:
        """Take a message from the transport.

        Args:
            message: passed the parser's checks; a request has received and rport filled in.
            flow: the way it came.
        """
        if isinstance(message, Response):
            client = self._clients.get(response_key(message))
            if client is None:
                self.user.stray_response(message, flow)
            else:
                client.receive(message)
        elif message.method == "ACK":
            self._receive_ack(message, flow)
        else:
            key = server_key(message, message.method)
            server = self._servers.get(key)
            if server is not None:
                server.receive()
            elif message.method == "CANCEL":
                self._receive_cancel(message, flow, key)
            else:
                self._receive_new(message, flow, key)

    def send(self, request: Request, flow: Flow, user: ClientUser) -> ClientTransaction:
        """Send a request and see to its delivery.

        Args:
            request: any method but ACK, our Via with a new branch on top. It is kept and must
                not be changed any more.
            flow: the way to the next hop.
            user: is told the responses, never from within this call.
        Raises:
            UsageError: an ACK, no branch, or a branch that is in use.
        """
        key = client_key(request)
        method = request.method
        if method == "ACK" or key in self._clients:
            raise UsageError("an ACK, or a branch in use, cannot start a transaction")
        machine = InviteClient if method == "INVITE" else NonInviteClient
        timers = self._timers_of.get(flow.transport, self._timers)
        tx = machine(request, flow, key, user, self, self._wheel, timers)
        if self._stopped:
            tx.abandon()
        else:
            self._clients[key] = tx
            tx.start()
        return tx

    def stop(self) -> None:
        """Forget every transaction without telling its user.

        Afterwards new requests get 503, and what a user still sends is silently not sent: a
        core that is being stopped may have a look-up under way that ends in a request.
        """
        self._stopped = True
        self.max_transactions = 0
        for tx in (*self._clients.values(), *self._servers.values()):
            tx.abandon()
        self._clients.clear()
        self._servers.clear()

    def forget_client(self, tx: ClientTransaction) -> None:
        """Called by a client transaction that has terminated."""
        self._clients.pop(tx.key, None)

    def forget_server(self, tx: ServerTransaction) -> None:
        """Called by a server transaction that has terminated."""
        self._servers.pop(tx.key, None)

    def _receive_new(self, request: Request, flow: Flow, key: Key) -> None:
        if len(self._servers) >= self.max_transactions:
            self.refused += 1
            self._answer(request, flow, 503, _RETRY_AFTER)
            return
        tx = self._open(
            InviteServer if request.method == "INVITE" else NonInviteServer, request, flow, key
        )
        try:
            self.user.request(tx)
        finally:
            tx.start()

    def _open(
        self, machine: type[ServerTransaction], request: Request, flow: Flow, key: Key
    ) -> ServerTransaction:
        reply = self._reply_flow(request, flow)
        timers = self._timers_of.get(flow.transport, self._timers)
        tx = machine(request, flow, reply, key, self, self._wheel, timers)
        self._servers[key] = tx
        return tx

    def _receive_ack(self, ack: Request, flow: Flow) -> None:
        tx = self._acknowledged(ack)
        if tx is None:
            self.user.ack(ack, flow)
        else:
            tx.acknowledge(ack, flow)

    def _acknowledged(self, ack: Request) -> InviteServer | None:
        """Find the INVITE that an ACK matches (RFC 3261 17.2.3)."""
        for key in invite_keys_of_ack(ack):
            tx = self._servers.get(key)
            if isinstance(tx, InviteServer):
                same = has_branch(ack.top_via.branch) or tx.sent_to_tag == tag_of(ack.to)
                return tx if same else None
        return None

    def _receive_cancel(self, cancel: Request, flow: Flow, key: Key) -> None:
        """Answer a CANCEL for the core (RFC 3261 9.2); repetitions meet the transaction opened.

        One that fits nothing is not forwarded. 16.10 has it go on because the proxy may have
        forwarded the INVITE without state, and this layer never does.
        """
        invite = self._servers.get(server_key(cancel, "INVITE"))
        if invite is None:
            self._answer(cancel, flow, 481)
            return
        tx = self._open(NonInviteServer, cancel, flow, key)
        tx.respond(response_to(cancel, 200, to_tag=invite.to_tag))
        # After a final response the CANCEL has no effect.
        if invite.cancelled is not None and not invite.finished:
            invite.cancelled(cancel)

    def _answer(self, request: Request, flow: Flow, status: int, extra: Extra = ()) -> None:
        """Answer without a transaction (RFC 3261 8.2.7)."""
        tag = repeatable_tag(server_key(request, request.method))
        response = response_to(request, status, to_tag=tag, extra=extra)
        self._reply_flow(request, flow).send(response.to_bytes())
