"""A phone that does what the test says, message by message.

It has no transactions and repeats nothing by itself: a test that wants a retransmission sends
the same message again. What came in is in ``inbox``; ``take`` picks from it and fails with the
ladder of the whole scene when the message is not there.
"""

from __future__ import annotations

__all__ = ["SDP", "Dialog", "Phone"]

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sipapp.app.testing.wire import Wire, open_wire
from sipapp.message.digest import answer, ha1, parse_challenges
from sipapp.message.headers import Headers
from sipapp.message.message import Request, Response, response_to
from sipapp.message.parser import parse_message
from sipapp.transport.hop import Address, host_port
from sipapp.transport.network import Network

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 0\r\n"
)
"""A session description for tests that need one."""

Extra = Iterable[tuple[str, bytes]]


@dataclass(slots=True)
class Dialog:
    """One side's state of a dialog (RFC 3261 12).

    Attributes:
        local: our From value in requests, with its tag.
        remote: our To value in requests, with its tag.
        target: the remote target, copied whole from the peer's Contact (12.2.1.1).
        routes: the route set, in the order of our Route fields.
        cseq: number of the last request we sent.
    """

    call_id: bytes
    local: bytes
    remote: bytes
    target: bytes
    routes: list[bytes] = field(default_factory=list)
    cseq: int = 0


class Phone:
    """One scripted user agent on one address of a virtual network.

    Args:
        user: user part of its address of record.
        domain: host part of it.
        network: the virtual host it sits on.
        address: where it receives; also its Contact.
        server: where it sends everything; may be changed later.
        transport: "UDP" or "TCP".
        inside: the address it takes for its own and writes into Via and Contact, when a NAT
            gives it ``address``.
        ladder: gives the text of everything that crossed the wire, for failures.
    """

    def __init__(
        self,
        user: str,
        domain: str,
        network: Network,
        address: Address,
        server: Address,
        *,
        transport: str = "UDP",
        inside: Address | None = None,
        ladder: Callable[[], str] = str,
    ) -> None:
        self.user = user
        self.aor = f"sip:{user}@{domain}"
        self.domain = domain
        self.address = address
        self.server = server
        self.transport = transport
        self.inbox: list[Request | Response] = []
        self._ladder = ladder
        self._count = 0
        self._inside = inside
        self._wire: Wire = open_wire(transport, network, address, self._received)

    @property
    def contact(self) -> bytes:
        """Its Contact value."""
        extra = "" if self.transport == "UDP" else f";transport={self.transport.lower()}"
        address = self._inside or self.address
        return f"<sip:{self.user}@{host_port(*address)}{extra}>".encode()

    def send(self, message: Request | Response | bytes) -> None:
        """Put a message on the wire."""
        data = message if isinstance(message, bytes) else message.to_bytes()
        self._wire.send(data, self.server)

    def build(
        self,
        method: str,
        uri: str,
        *,
        to: str | None = None,
        from_: str | None = None,
        call_id: str | None = None,
        cseq: int = 1,
        extra: Extra = (),
        body: bytes = b"",
    ) -> Request:
        """Build a request outside a dialog; every call has its own branch, tag and Call-ID.

        Args:
            uri: the Request-URI.
            to: URI in To, the Request-URI by default.
            from_: URI in From, the phone's own by default.
            extra: further header fields.
            body: goes as application/sdp.
        """
        self._count += 1
        unique = f"{self.user}{self._count}"
        headers = Headers([], [])
        headers.add("Via", self._via(unique))
        headers.add("Max-Forwards", b"70")
        headers.add("From", f"<{from_ or self.aor}>;tag=f-{unique}".encode())
        headers.add("To", f"<{to or uri}>".encode())
        headers.add("Call-ID", (call_id or f"call-{unique}@{self.address[0]}").encode())
        headers.add("CSeq", f"{cseq} {method}".encode())
        headers.add("Contact", self.contact)
        return self._complete(Request(method, uri.encode(), headers, body), extra)

    def request(self, method: str, uri: str, **parts: object) -> Request:
        """Build a request as `build` does, and send it."""
        request = self.build(method, uri, **parts)  # type: ignore[arg-type]
        self.send(request)
        return request

    def register(
        self, expires: int = 3600, *, q: float | None = None, extra: Extra = (), cseq: int = 1
    ) -> Request:
        """Register the phone's contact, preferred by ``q`` if given."""
        extra = [("Expires", b"%d" % expires), *extra]
        uri = f"sip:{self.domain}"
        request = self.build("REGISTER", uri, to=self.aor, extra=extra, cseq=cseq)
        if q is not None:
            request.set_header("Contact", self.contact + b";q=%.3g" % q)
        self.send(request)
        return request

    def invite(self, user: str, **parts: object) -> Request:
        """Call a user of the phone's own domain, with an offer."""
        parts.setdefault("body", SDP)
        return self.request("INVITE", f"sip:{user}@{self.domain}", **parts)

    def retry(self, request: Request, challenge: Response, password: str) -> Request:
        """Send ``request`` again with credentials (RFC 3261 22.2): new branch, CSeq plus one."""
        proxy = challenge.status == 407
        name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        chosen = parse_challenges(challenge.headers.get_all(name))[0]
        assert chosen.algorithm is not None
        secret = ha1(chosen.algorithm, self.user, chosen.realm, password)
        credentials = answer(
            chosen, self.user, secret, request.method, request.raw_uri.decode(), cnonce="c0ffee"
        )
        self._count += 1
        again = request.copy()
        again.set_header("Via", self._via(f"{self.user}{self._count}"))
        again.set_header("CSeq", b"%d %b" % (request.cseq.number + 1, request.method.encode()))
        header = "Proxy-Authorization" if proxy else "Authorization"
        again.set_header(header, str(credentials).encode())
        self.send(again)
        return again

    def respond(
        self, request: Request, status: int, *, extra: Extra = (), body: bytes = b""
    ) -> Response:
        """Answer a request; the To tag is the phone's own and the same in every answer."""
        fields = list(extra)
        if request.method == "INVITE" and 100 < status < 300:
            fields.append(("Contact", self.contact))
        if body:
            fields.append(("Content-Type", b"application/sdp"))
        tag = f"t-{self.user}"
        response = response_to(request, status, to_tag=tag, extra=fields, body=body)
        self.send(response)
        return response

    def acknowledge(self, invite: Request, response: Response, *, body: bytes = b"") -> Dialog:
        """ACK a 2xx end to end, with a new branch; ``body`` is the answer to a late offer.

        Returns: the dialog.
        """
        dialog = self.caller_dialog(invite, response)
        self.send(self._in_dialog(dialog, "ACK", (), body))
        return dialog

    def acknowledge_failure(self, invite: Request, response: Response) -> Request:
        """ACK a response over 299 hop by hop, with the branch of the INVITE (17.1.1.3)."""
        ack = Request("ACK", invite.raw_uri, Headers([], []))
        for name in ("Via", "Max-Forwards", "From", "To", "Call-ID"):
            source = response if name == "To" else invite
            ack.headers.add(name, source.headers.get(name) or b"")
        ack.headers.add("CSeq", b"%d ACK" % invite.cseq.number)
        ack.headers.add("Content-Length", b"0")
        self.send(ack)
        return ack

    def caller_dialog(self, invite: Request, response: Response) -> Dialog:
        """Return the dialog that a response with a To tag makes for the caller (12.1.2)."""
        return Dialog(
            invite.headers.get("Call-ID") or b"",
            invite.headers.get("From") or b"",
            response.headers.get("To") or b"",
            _contact_uri(response),
            response.headers.elements("Record-Route")[::-1],
            invite.cseq.number,
        )

    def callee_dialog(self, invite: Request, response: Response) -> Dialog:
        """Return the dialog that our own response makes for the callee (12.1.1)."""
        return Dialog(
            invite.headers.get("Call-ID") or b"",
            response.headers.get("To") or b"",
            invite.headers.get("From") or b"",
            _contact_uri(invite),
            invite.headers.elements("Record-Route"),
        )

    def in_dialog(
        self, dialog: Dialog, method: str, *, extra: Extra = (), body: bytes = b""
    ) -> Request:
        """Send a request inside a dialog."""
        dialog.cseq += 1
        request = self._in_dialog(dialog, method, extra, body)
        self.send(request)
        return request

    def cancel(self, invite: Request) -> Request:
        """Send the CANCEL of an INVITE: same branch, same CSeq number (9.1)."""
        cancel = Request("CANCEL", invite.raw_uri, Headers([], []))
        for name in ("Via", "Max-Forwards", "From", "To", "Call-ID"):
            cancel.headers.add(name, invite.headers.get(name) or b"")
        cancel.headers.add("CSeq", b"%d CANCEL" % invite.cseq.number)
        cancel.headers.add("Content-Length", b"0")
        self.send(cancel)
        return cancel

    def take_request(self, method: str) -> Request:
        """Take the oldest request of that method out of the inbox.

        Raises:
            AssertionError: there is none; the text is the ladder.
        """
        for message in self.inbox:
            if isinstance(message, Request) and message.method == method:
                self.inbox.remove(message)
                return message
        raise AssertionError(f"{self.user} got no {method}\n{self._ladder()}")

    def take_response(self, status: int, method: str | None = None) -> Response:
        """Take the oldest response of that status, to any or to that method, out of the inbox.

        Raises:
            AssertionError: there is none; the text is the ladder.
        """
        for message in self.inbox:
            if isinstance(message, Request) or message.status != status:
                continue
            if method in (None, message.cseq.method):
                self.inbox.remove(message)
                return message
        raise AssertionError(f"{self.user} got no {status}\n{self._ladder()}")

    @property
    def heard(self) -> list[str]:
        """What is in the inbox, in short: methods and statuses in order."""
        return [
            message.method if isinstance(message, Request) else str(message.status)
            for message in self.inbox
        ]

    def close(self) -> None:
        """Leave the network."""
        self._wire.close()

    def _received(self, data: bytes) -> None:
        self.inbox.append(parse_message(data))

    def _via(self, unique: str) -> bytes:
        sent_by = host_port(*(self._inside or self.address))
        rport = ";rport" if self._inside else ""
        return f"SIP/2.0/{self.transport} {sent_by}{rport};branch=z9hG4bK-{unique}".encode()

    def _in_dialog(self, dialog: Dialog, method: str, extra: Extra, body: bytes) -> Request:
        self._count += 1
        headers = Headers([], [])
        headers.add("Via", self._via(f"{self.user}{self._count}"))
        headers.add("Max-Forwards", b"70")
        for route in dialog.routes:
            headers.add("Route", route)
        headers.add("From", dialog.local)
        headers.add("To", dialog.remote)
        headers.add("Call-ID", dialog.call_id)
        headers.add("CSeq", b"%d %b" % (dialog.cseq, method.encode()))
        return self._complete(Request(method, dialog.target, headers, body), extra)

    def _complete(self, request: Request, extra: Extra) -> Request:
        for name, value in extra:
            request.headers.add(name, value)
        if request.body and "Content-Type" not in request.headers:
            request.headers.add("Content-Type", b"application/sdp")
        request.headers.add("Content-Length", b"%d" % len(request.body))
        return request


def _contact_uri(message: Request | Response) -> bytes:
    contacts = message.contacts
    assert isinstance(contacts, list)
    return str(contacts[0].uri).encode("utf-8", "surrogateescape")
