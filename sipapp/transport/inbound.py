"""What becomes of the octets of one message: handed up, refused, or dropped and counted."""

from __future__ import annotations

__all__ = ["Inbound", "stamp_source"]

import re
from collections.abc import Callable
from hashlib import blake2b

from sipapp.errors import MessageError
from sipapp.message.message import Request, Response, response_to
from sipapp.message.parser import MalformedMessage, parse_message
from sipapp.message.stream import Broken
from sipapp.transport.flow import Flow
from sipapp.transport.limits import Counters

Message = Request | Response

_FIELD = re.compile(r"[A-Za-z][A-Za-z -]{0,31}")


def stamp_source(request: Request, host: str, port: int) -> None:
    """Write into the top Via where the request came from.

    RFC: 3261 18.2.1, 3581 4. A ``received`` that the sender wrote itself is replaced, for answers
    go by it.

    Raises:
        MessageError: the Via is broken.
    """
    via = request.top_via
    stamped = via.with_source(host, port)
    if stamped is via:
        return
    wire = str(stamped).encode("utf-8", "surrogateescape")
    headers = request.headers
    at = headers.names.index("Via")
    if b"," in headers.lines[at]:
        request.replace_top_via(wire)
    else:
        headers.lines[at] = b"Via: " + wire
    request._top_via = stamped


class Inbound:
    """The way of a message from a transport to the layer above.

    Args:
        received: the layer above.
        reply_flow: says where the answer to a request goes.
        is_ours: whether a sent-by is one that we write into our Via.
        counters: what was not handed up is counted here.
    """

    __slots__ = ("_counters", "_is_ours", "_received", "_reply_flow")

    def __init__(
        self,
        received: Callable[[Message, Flow], None],
        reply_flow: Callable[[Request, Flow], Flow],
        is_ours: Callable[[str], bool],
        counters: Counters,
    ) -> None:
        self._received = received
        self._reply_flow = reply_flow
        self._is_ours = is_ours
        self._counters = counters

    def datagram(self, data: bytes, flow: Flow) -> None:
        """Take a datagram; what begins like no SIP message is dropped.

        No method and no version begins with a control octet or a blank, and every STUN message
        does (RFC 5764 5.1.2, RFC 5626 8): so do keep-alives of phones, NUL or CRLF.
        """
        if data[:1] <= b" ":
            data = data.lstrip(b"\r\n")
            if data[:1] <= b" ":
                self._counters.noise += 1
                return
        self.message(data, flow)

    def message(self, data: bytes, flow: Flow) -> bool:
        """Take one whole message.

        Returns: False if it was so broken that nobody could be answered; on a stream that is no
            SIP peer.
        """
        try:
            message = parse_message(data)
        except MalformedMessage as error:
            return self._refuse(error.partial, error, flow)
        try:
            if isinstance(message, Request):
                stamp_source(message, *flow.remote)
            else:
                sent_by = message.top_via.sent_by
                if sent_by != flow.sent_by and not self._is_ours(sent_by):
                    self._counters.foreign += 1  # RFC 3261 18.1.2: silently discarded
                    return True
            self._received(message, flow)
        except MessageError as error:  # a field that nobody had looked at before
            if isinstance(message, Request):
                return self._refuse(message, error, flow)
            self._counters.malformed += 1
        return True

    def broken(self, broken: Broken, flow: Flow) -> None:
        """Answer what lost the framing of a stream, if it can be made out whom."""
        try:
            message: Message | None = parse_message(broken.head)
        except MalformedMessage as error:
            message = error.partial
        request = message if isinstance(message, Request) else None
        self._refuse(request, broken.error, flow)

    def _refuse(self, request: Request | None, error: MessageError, flow: Flow) -> bool:
        """Answer a broken request, without state: its repetition gets the same answer.

        RFC: 3261 8.2.7 (the To tag must be the same each time), 18.3. An ACK and a response are
        never answered.
        """
        if request is None or request.method == "ACK":
            self._counters.malformed += 1
            return False
        self._counters.refused += 1
        try:
            stamp_source(request, *flow.remote)
            flow = self._reply_flow(request, flow)
        except MessageError:
            pass  # the Via itself is broken: back to where it came from
        flow.send(_refusal(request, error).to_bytes())
        return True


def _refusal(request: Request, error: MessageError) -> Response:
    field, status = error.field, error.status_hint
    named = status == 400 and field != "message" and _FIELD.fullmatch(field) is not None
    tag = blake2b(b"\n".join(request.headers.lines), digest_size=8).hexdigest()
    return response_to(request, status, f"Bad {field}" if named else None, to_tag=tag)
