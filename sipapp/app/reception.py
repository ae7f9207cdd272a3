"""Every new request comes through here: what the stack decides before an application may.

The order is that of RFC 3261 16.3 and 8.2: scheme, hops, loop, Proxy-Require, then who is
asking. Requests of dialogs that we record-routed go straight to the proxy core.
"""

from __future__ import annotations

__all__ = ["Reception"]

from sipapp.app.call import Call
from sipapp.app.chain import Chain
from sipapp.app.stack import Stack
from sipapp.core.options import options_response
from sipapp.core.rewriting import loop_mark
from sipapp.core.routing import Taken
from sipapp.errors import MessageError
from sipapp.message.fields import split_via
from sipapp.message.message import Request, Response, response_to
from sipapp.message.uri import SipUri, TelUri
from sipapp.transaction.server import ServerTransaction
from sipapp.transport.flow import Flow
from sipapp.ua.account import Account
from sipapp.ua.auth import Authenticated, Authenticator, Challenged, Malformed

Refusal = tuple[int, list[tuple[str, bytes]]]
"""A status, and header fields that go with it."""

_ASSERTED = frozenset({"P-Asserted-Identity", "Remote-Party-ID", "P-Preferred-Identity"})
_CHECKED = frozenset({"Route", "Proxy-Require"})


class Reception:
    """The user of the transaction layer.

    Args:
        stack: what requests are decided with.
        chain: the applications.
        authenticator: challenges requests, None to let everybody in.
    """

    def __init__(self, stack: Stack, chain: Chain, authenticator: Authenticator | None) -> None:
        self._stack = stack
        self._chain = chain
        self._authenticator = authenticator

    def request(self, tx: ServerTransaction) -> None:
        """Take a new request; never raises."""
        try:
            answer = self._decide(tx)
        except MessageError as error:
            reason = f"Bad {error.field}" if error.status_hint == 400 else None
            tag = tx.repeatable_tag
            answer = response_to(tx.request, error.status_hint, reason, to_tag=tag)
        if answer is not None:
            tx.dismiss(answer)

    def ack(self, request: Request, flow: Flow) -> None:
        """Take the ACK of a 2xx: it follows the route set we signed, or goes nowhere."""
        try:
            taken = self._stack.proxy.route_set.take_own(request, flow)
            if taken.signed:
                self.clean(request)
                self._stack.proxy.forward_ack(request, flow, taken.way)
        except MessageError:
            return

    def stray_response(self, response: Response, flow: Flow) -> None:
        """Drop it: RFC 6026 8.9 forbids a stateful proxy to forward what it did not ask for."""

    def _decide(self, tx: ServerTransaction) -> Response | None:
        """Return an answer that nothing need be kept for, or None when somebody else answers."""
        request = tx.request
        stack = self._stack
        taken = stack.proxy.route_set.take_own(request, tx.flow)
        refused = self.check(request)
        if taken.signed and request.to_tag is not None:
            if refused is None:
                refused = self.challenge(request, tx.flow, taken)
            if refused is None:
                self.clean(request)
                stack.proxy.forward_in_dialog(tx, taken.way)
            else:  # kept, for its ACK has our Route and would be forwarded as that of a 2xx
                tx.respond(_refusal(tx, refused, tx.to_tag))
            return None
        if refused is not None:
            return _refusal(tx, refused, tx.repeatable_tag)
        if request.method == "OPTIONS" and stack.ours.is_self(request):
            return options_response(request, tx.repeatable_tag)
        account: Account | None = None
        if self._authenticator is not None:
            verdict = self._authenticate(self._authenticator, request, tx.flow)
            if isinstance(verdict, tuple):
                return _refusal(tx, verdict, tx.repeatable_tag)
            account = verdict
        self._to_applications(tx, account)
        return None

    def _to_applications(self, tx: ServerTransaction, account: Account | None) -> None:
        self.clean(tx.request)
        call = Call(self._stack, self._chain.run, tx, account)
        tx.cancelled = call.cancelled
        self._chain.start(call)

    def clean(self, request: Request) -> None:
        """Take away what must not travel on: claims of untrusted users, credentials for us."""
        if not _ASSERTED.isdisjoint(request.headers.names):
            for name in _ASSERTED:  # RFC 3325 5: not from whom we do not trust
                request.remove_header(name)
        if self._authenticator is not None and "Proxy-Authorization" in request.headers.names:
            self._authenticator.take_own(request)

    def check(self, request: Request) -> Refusal | None:
        """Check what a proxy must before it forwards (RFC 3261 16.3 steps 1 to 5).

        Raises:
            MessageError: a field that was looked at is broken.
        """
        uri = request.uri
        if isinstance(uri, SipUri):
            if uri.headers_text:  # RFC 3261 19.1.1 table 1
                raise MessageError("Request-URI", "has header fields")
        elif not isinstance(uri, TelUri):
            return 416, []
        rare = not _CHECKED.isdisjoint(request.headers.names)
        if rare:
            _ = request.routes  # all of them now, since a later hop would choke on the second
        if request.max_forwards == 0 and not self._ends_here(request):
            return 483, []
        if self._is_loop(request):
            return 482, []
        wanted = request.option_tags("Proxy-Require") if rare else None
        if wanted:
            return 420, [("Unsupported", ", ".join(wanted).encode("ascii", "replace"))]
        return None

    def challenge(self, request: Request, flow: Flow, taken: Taken) -> Refusal | None:
        """Return what is still to prove, None when nothing is.

        Args:
            taken: what our Route entries told; a request between the peers of a call that we let
                through needs no second proof.
        """
        if self._authenticator is None:
            return None
        if taken.signed and self._stack.proxy.is_between_peers(request, taken):
            return None
        verdict = self._authenticate(self._authenticator, request, flow)
        return verdict if isinstance(verdict, tuple) else None

    def _ends_here(self, request: Request) -> bool:
        return request.method in ("OPTIONS", "REGISTER") and self._stack.ours.is_self(request)

    def _is_loop(self, request: Request) -> bool:
        """Whether a Via of ours carries the mark that we would put into this very request.

        RFC: 3261 16.3 step 4. Servers that share a secret write the same mark.
        """
        headers = request.headers
        first = headers.lines[headers.names.index("Via")]
        if headers.names.count("Via") == 1 and b"," not in first:
            return False  # it came from a user agent: nobody forwarded it yet
        mark = loop_mark(request, self._stack.proxy.route_set.signer).encode("ascii")
        marked = [value for value in headers.elements("Via") if mark in value]
        ours = self._stack.transport.is_sent_by
        return any(ours(split_via(value)[0].sent_by) for value in marked)

    def _authenticate(
        self, authenticator: Authenticator, request: Request, flow: Flow
    ) -> Account | Refusal:
        proxy = request.method != "REGISTER" or not self._stack.ours.is_ours(request)
        verdict = authenticator.check(request, flow, proxy=proxy)
        if isinstance(verdict, Authenticated):
            return verdict.account
        if isinstance(verdict, Malformed):
            raise MessageError(verdict.error.field, verdict.error.reason)
        return verdict.status, verdict.headers if isinstance(verdict, Challenged) else []


def _refusal(tx: ServerTransaction, refused: Refusal, to_tag: str) -> Response:
    status, extra = refused
    return response_to(tx.request, status, to_tag=to_tag, extra=extra)
