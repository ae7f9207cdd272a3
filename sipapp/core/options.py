"""What the server answers about itself: OPTIONS, and the lists its refusals carry (RFC 3261 11)."""

from __future__ import annotations

__all__ = ["ACCEPT", "ALLOW", "METHODS", "SUPPORTED", "options_response"]

from sipapp.message.message import Request, Response, response_to

ALLOW = (
    b"INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE, INFO, "
    b"UPDATE, PRACK, REFER"
)
"""Methods that the server serves or forwards."""

METHODS = frozenset(ALLOW.decode().split(", "))

ACCEPT = b"application/sdp"
SUPPORTED = b"path"
"""Option tags of extensions that the server itself takes part in."""


_ABILITIES = (
    ("Allow", ALLOW),
    ("Accept", ACCEPT),
    ("Accept-Encoding", b"identity"),
    ("Accept-Language", b"en"),
    ("Supported", SUPPORTED),
)


def options_response(request: Request, to_tag: str) -> Response:
    """Answer an OPTIONS to the server: 200 with what it can do (RFC 3261 11.2).

    A Require that the server does not support is answered 420 (8.2.2.3).
    """
    unknown = [tag for tag in request.option_tags("Require") if tag != SUPPORTED.decode()]
    if unknown:
        unsupported = ", ".join(unknown).encode("ascii", "replace")
        return response_to(request, 420, to_tag=to_tag, extra=[("Unsupported", unsupported)])
    return response_to(request, 200, to_tag=to_tag, extra=_ABILITIES)
