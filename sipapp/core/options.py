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


def options_response(request: Request, to_tag: str) -> Response:
    """Answer an OPTIONS to the server: 200 with Allow, Accept and Supported (RFC 3261 11.2)."""
    return response_to(
        request,
        200,
        to_tag=to_tag,
        extra=[("Allow", ALLOW), ("Accept", ACCEPT), ("Supported", SUPPORTED)],
    )
