"""Under which keys the layer keeps its transactions (RFC 3261 17.1.3, 17.2.3).

A key is a flat tuple. What a peer of RFC 3261 sends is told apart by branch, sent-by and method.
A peer of RFC 2543 sends no branch, or one without the magic cookie; the cookie alone is no
unique branch either and counts as such a peer. Its requests are told apart by Request-URI, tags,
Call-ID, CSeq and top Via. Those are compared as text: a retransmission is the same text.
"""

from __future__ import annotations

__all__ = [
    "COOKIE",
    "ClientKey",
    "Key",
    "client_key",
    "has_branch",
    "invite_keys_of_ack",
    "repeatable_tag",
    "response_key",
    "server_key",
    "tag_of",
]

import re
from hashlib import blake2b
from typing import TypeAlias

from sipapp.errors import MessageError, UsageError
from sipapp.message.fields import NameAddr
from sipapp.message.message import Request, Response
from sipapp.transport.hop import default_port

COOKIE = "z9hG4bK"
"""How every branch of RFC 3261 8.1.1.7 begins."""

Key: TypeAlias = tuple[str | bytes | int | None, ...]
ClientKey: TypeAlias = tuple[str, int, str]

# How our own Via looks in nearly every request that we send. To parse it would cost a third of
# the whole client transaction; any other spelling is parsed.
_OUR_VIA = re.compile(rb"Via: SIP/2\.0/[A-Z]+ [\w.:\[\]-]+;branch=([\w\-.!%*+`'~]+)")


def has_branch(branch: str | None) -> bool:
    """Whether a Via's branch identifies a transaction by itself."""
    return branch is not None and branch.startswith(COOKIE) and len(branch) > len(COOKIE)


def client_key(request: Request) -> ClientKey:
    """Return the key of a request that we are about to send.

    Raises:
        UsageError: our Via has no branch.
    """
    ours = _OUR_VIA.fullmatch(request.headers.lines[0])
    branch = request.top_via.branch if ours is None else ours[1].decode("ascii")
    if not branch:
        raise UsageError("the top Via has no branch")
    return branch, request.cseq.number, request.method


def response_key(response: Response) -> ClientKey:
    """Return the client key that a response belongs to.

    RFC: 3261 17.1.3 names branch and CSeq method. The CSeq number is compared as well: a
    response that contradicts its request in it answers something else.
    """
    cseq = response.cseq
    return response.top_via.branch or "", cseq.number, cseq.method


def server_key(request: Request, method: str) -> Key:
    """Return the key of a received request.

    RFC: 3261 17.2.3. The sent-by is compared without regard to case, a port that is not
    written is the default one of the transport.

    Args:
        request: received, with received and rport filled in by the transport.
        method: of the transaction looked for: the request's own, or "INVITE" for the one that
            a CANCEL is about.
    """
    via = request.top_via
    branch = via.branch
    if has_branch(branch):
        port = via.port
        return branch, via.host, default_port(via.transport) if port is None else port, method
    return _key_2543(request, method, tag_of(request.to))


def invite_keys_of_ack(ack: Request) -> tuple[Key, ...]:
    """Return the keys under which the INVITE of an ACK may be found.

    RFC: 3261 17.2.3. Where there is no branch, the To tag of the ACK is the response's. The
    INVITE had none, or the same one if it was sent within a dialog; the caller has to compare
    it with the tag of the response.
    """
    if has_branch(ack.top_via.branch):
        return (server_key(ack, "INVITE"),)
    return _key_2543(ack, "INVITE", None), _key_2543(ack, "INVITE", tag_of(ack.to))


def tag_of(value: NameAddr) -> str | None:
    """Return the tag of From or To; the whole value where the tag breaks the grammar.

    The parser does not look at tags, and a request must be found again whatever it says.
    """
    try:
        return value.tag
    except MessageError:
        return str(value)


def repeatable_tag(key: Key) -> str:
    """Return the To tag of an answer without state: each repetition gets it again (8.2.7)."""
    return blake2b(repr(key).encode(), digest_size=8).hexdigest()


def _key_2543(request: Request, method: str, to_tag: str | None) -> Key:
    return (
        request.raw_uri,
        to_tag,
        tag_of(request.from_),
        request.call_id,
        request.cseq.number,
        str(request.top_via),
        method,
    )
