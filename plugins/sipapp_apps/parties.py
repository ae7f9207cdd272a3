"""Who calls and who is called, as rules name them."""

from __future__ import annotations

__all__ = ["caller_of", "is_named"]

from collections.abc import Iterable
from fnmatch import fnmatchcase

from sipapp.app.interfaces import ICall
from sipapp.message.uri import SipUri, Uri


def caller_of(call: ICall) -> str:
    """Who the caller says to be, without the scheme; who authenticated says the truth there."""
    return _plain(call.request.from_.uri)


def is_named(called: Uri, names: Iterable[str]) -> bool:
    """Whether a called user is among names: patterns for ``user`` or ``user@domain``."""
    if not isinstance(called, SipUri):
        return False
    user = called.plain_user or ""
    return any(
        fnmatchcase(each, name) for name in names for each in (user, f"{user}@{called.host}")
    )


def _plain(uri: Uri) -> str:
    text = uri.aor() if isinstance(uri, SipUri) else str(uri)
    return text.partition(":")[2]
