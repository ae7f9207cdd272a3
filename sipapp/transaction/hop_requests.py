"""The two requests that a client transaction makes up itself, for its own hop only."""

from __future__ import annotations

__all__ = ["ack_for", "cancel_for"]

from sipapp.message.headers import Headers
from sipapp.message.message import Request, Response

_KEPT = frozenset({"Route", "From", "Call-ID", "Max-Forwards"})


def ack_for(invite: Request, response: Response) -> Request:
    """Build the ACK of a 3xx-6xx response.

    RFC: 3261 17.1.1.3. Request-URI, top Via, Route, From, Call-ID and CSeq number are the
    INVITE's, To is the response's.

    Args:
        invite: as it was sent, our Via on top.
        response: final, not 2xx.
    """
    to_value = response.headers.get("To")
    return _hop_request("ACK", invite, b"" if to_value is None else to_value)


def cancel_for(invite: Request) -> Request:
    """Build the CANCEL of an INVITE.

    RFC: 3261 9.1. Request-URI, top Via, Route, From, To, Call-ID and CSeq number are the
    INVITE's; Require and Proxy-Require do not go along.

    Args:
        invite: as it was sent, our Via on top.
    """
    to_value = invite.headers.get("To")
    return _hop_request("CANCEL", invite, b"" if to_value is None else to_value)


def _hop_request(method: str, invite: Request, to_value: bytes) -> Request:
    headers = Headers(["Via"], [f"Via: {invite.top_via}".encode("utf-8", "surrogateescape")])
    for name, line in zip(invite.headers.names, invite.headers.lines, strict=True):
        if name in _KEPT:
            headers.names.append(name)
            headers.lines.append(line)
    headers.add("To", to_value)
    headers.add("CSeq", f"{invite.cseq.number} {method}".encode("ascii"))
    headers.add("Content-Length", b"0")
    return Request(method, invite.raw_uri, headers)
