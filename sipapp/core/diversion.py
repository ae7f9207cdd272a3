"""A request that is sent to somebody else: what is written into it, and when that has to end.

Two header fields tell the new callee whose call it is. Diversion (RFC 5806) is old, flat and
understood by gateways and voicemail; History-Info (RFC 7044) is the standard, and a tree: the
digits of an index are the hops, and ``mp`` names the entry whose user was mapped to another.
Whoever diverts also reads them: a user who is in them already closes a circle.
"""

from __future__ import annotations

__all__ = ["REASONS", "diversion", "divert", "is_circular"]

import re

from sipapp.errors import MessageError
from sipapp.message.fields import NameAddr, parse_name_addr
from sipapp.message.message import Request
from sipapp.message.params import Params
from sipapp.message.uri import SipUri, Uri

REASONS = {
    "unconditional": "unconditional",
    "busy": "user-busy",
    "no-answer": "no-answer",
    "unavailable": "unavailable",
    "time-of-day": "time-of-day",
    "do-not-disturb": "do-not-disturb",
    "deflection": "deflection",
    "follow-me": "follow-me",
    "away": "away",
}
"""Why a call is diverted, and the word of RFC 5806 for it."""

_PRIVATE = frozenset(("id", "user", "header", "history"))
_INDEX = re.compile(r"[0-9]+(?:\.[0-9]+)*")  # RFC 7044 5: index-val


def is_circular(request: Request, to: Uri, most: int) -> bool:
    """Whether a request has been diverted ``most`` times, or from the user it should go to.

    What is broken in the fields counts as one diversion: it cannot be read, but it was written.
    """
    entries = _entries(request)
    tried = [None if each is None else each.uri for each in entries]
    past = [request.uri, *_uris(request, "Diversion"), *tried]
    mapped = sum(entry is None or entry.params.has("mp") for entry in entries)
    times = max(len(_uris(request, "Diversion")), mapped)
    return times >= most or any(uri is not None and _same_user(uri, to) for uri in past)


def diversion(request: Request, why: str) -> bytes:
    """Return the Diversion value that a request leaves its Request-URI with (RFC 5806 4).

    Args:
        why: a key of `REASONS`.
    """
    privacy = "" if _PRIVATE.isdisjoint(request.privacy) else ";privacy=full"
    value = f"<{request.uri}>;reason={REASONS[why]};counter=1{privacy}"
    return value.encode("utf-8", "surrogateescape")


def divert(request: Request, to: Uri, why: str, cause: int, *, again: bool) -> None:
    """Write the new Request-URI, and that it is new, into a request.

    RFC: 5806 5.4 (INVITE only), 7044 9.1, 9.2, 10.3.

    Args:
        to: the new Request-URI.
        why: a key of `REASONS`.
        cause: the status that the former target ended with, 302 if it was not tried.
        again: this server has diverted the request before.
    """
    if request.method == "INVITE":
        request.headers.insert("Diversion", diversion(request, why))
    history = _history(request, to, cause, again=again)
    if history is not None:
        request.set_header("History-Info", history.encode("utf-8", "surrogateescape"))
    request.replace_uri(to)


def _history(request: Request, to: Uri, cause: int, *, again: bool) -> str | None:
    """The whole History-Info with one entry more; None where a peer has spoiled it."""
    found = _entries(request)
    entries = [entry for entry in found if entry is not None]
    if len(entries) != len(found):
        return None
    index = entries[-1].params.get("index") if entries else "1"
    if index is None or _INDEX.fullmatch(index) is None:
        return None
    if not entries or not (again or _same_user(entries[-1].uri, request.uri)):
        index = f"{index}.0" if entries else index  # 10.3 rule 6: somebody has left a gap
        entries.append(NameAddr(request.uri, params=Params(f";index={index}")))
    former = _with_reason(entries.pop(), cause)
    hop, _, branch = index.rpartition(".")
    following = f"{hop}.{int(branch) + 1}" if again and hop else f"{index}.1"
    return ", ".join([*map(str, entries), former, f"<{to}>;index={following};mp={index}"])


def _with_reason(entry: NameAddr, cause: int) -> str:
    """Put the end of a target into its URI (10.2); a tel URI has no room for it."""
    uri = entry.uri
    if not isinstance(uri, SipUri) or "reason=" in uri.headers_text.lower():
        return str(entry)
    headers = f"{uri.headers_text}&" if uri.headers_text else ""
    ended = uri.replace(headers=f"{headers}Reason=SIP%3Bcause%3D{cause}")
    return str(NameAddr(ended, entry.display_name, entry.params))


def _entries(request: Request) -> list[NameAddr | None]:
    """The entries of History-Info, None for each that cannot be read."""
    try:
        return [_entry(value) for value in request.headers.elements("History-Info")]
    except MessageError:
        return [None]


def _entry(value: bytes) -> NameAddr | None:
    try:
        entry = parse_name_addr(value, "History-Info")
        entry.params.check()
        return entry if entry.uri else None
    except MessageError:
        return None


def _uris(request: Request, name: str) -> list[Uri | None]:
    """The URIs of a list header, None for each that cannot be read."""
    try:
        return [_uri(entry) for entry in request.name_addrs(name)]
    except MessageError:
        return [None]


def _uri(entry: NameAddr) -> Uri | None:
    try:
        return entry.uri
    except MessageError:
        return None


def _same_user(one: Uri, other: Uri) -> bool:
    if isinstance(one, SipUri) and isinstance(other, SipUri):
        return one.aor() == other.aor()
    return one.matches(other)
