"""Who calls and who is called, as rules name them."""

from __future__ import annotations

__all__ = ["caller_of", "is_named", "names_of"]

from collections.abc import Iterable
from fnmatch import fnmatchcase

from sipapp.app.interfaces import ICall, ISIPServer
from sipapp.message.uri import SipUri


def caller_of(call: ICall) -> str:
    """Who the caller says to be, without the scheme; who authenticated says the truth there."""
    uri = call.request.from_.uri
    return (uri.aor() if isinstance(uri, SipUri) else str(uri)).partition(":")[2]


def names_of(call: ICall, sip: ISIPServer) -> tuple[str, ...]:
    """Who is called, as ``user`` and as ``user@domain``, by whatever name of the server."""
    uri = call.request.uri
    if not isinstance(uri, SipUri):
        return ()
    user, domain = uri.plain_user or "", sip.aor_of(uri).rpartition("@")[2]
    return user, f"{user}@{domain}"


def is_named(names: Iterable[str], patterns: Iterable[str]) -> bool:
    """Whether one of the names fits one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)
