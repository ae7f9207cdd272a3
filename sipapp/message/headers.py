"""The ordered header list of a message: names as they compare, lines as they came.

A proxy reads two or three fields of a message and must give the others back untouched, so
a header section is kept as two parallel lists: ``names[i]`` is the canonical spelling that
code compares with, ``lines[i]`` the whole unfolded line, octet for octet. Looking a field
up is a C-speed scan of a short list; writing the message is one ``join``.
"""

from __future__ import annotations

__all__ = ["KNOWN_NAMES", "NAMES", "Headers", "canonical"]

import re

from sipapp.errors import MessageError
from sipapp.message.fields import split_list
from sipapp.message.memo import Memo

# RFC 3261 7.3.3 and what registered a compact form later (3515, 3892, 4028, 6665, 8224, 3841)
_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

KNOWN_NAMES = tuple(
    """Accept Accept-Contact Accept-Encoding Accept-Language Accept-Resource-Priority Alert-Info
    Allow Allow-Events Answer-Mode Authentication-Info Authorization Call-ID Call-Info Contact
    Content-Disposition Content-Encoding Content-Language Content-Length Content-Type CSeq Date
    Diversion Encryption Error-Info Event Expires Feature-Caps Flow-Timer From Geolocation
    Geolocation-Error Geolocation-Routing Hide History-Info Identity Identity-Info Info-Package
    In-Reply-To Join Max-Breadth Max-Forwards MIME-Version Min-Expires Min-SE Organization
    P-Access-Network-Info P-Asserted-Identity P-Asserted-Service P-Associated-URI
    P-Called-Party-ID P-Charging-Function-Addresses P-Charging-Vector P-Early-Media
    P-Preferred-Identity P-Preferred-Service P-Served-User P-Visited-Network-ID Path
    Permission-Missing Policy-Contact Policy-ID Priority Priv-Answer-Mode Privacy
    Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Reason-Phrase Record-Route
    Recv-Info Refer-Sub Refer-To Referred-By Reject-Contact Remote-Party-ID Replaces Reply-To
    Request-Disposition Require Resource-Priority Response-Key Retry-After Route RSeq
    Security-Client Security-Server Security-Verify Server Service-Route Session-Expires
    Session-ID SIP-ETag SIP-If-Match Subject Subscription-State Supported
    Suppress-If-Match Target-Dialog Timestamp To Trigger-Consent Unsupported User-Agent
    User-to-User Via Warning WWW-Authenticate""".split()
)

_BY_LOWER: dict[bytes, str] = {name.lower().encode(): name for name in KNOWN_NAMES}
_BY_LOWER.update((short.encode(), name) for short, name in _COMPACT.items())

_TOKEN = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]+")  # RFC 3261 25.1


def canonical(name: bytes) -> str:
    """Return the spelling under which a header name is compared and written.

    RFC: 3261 7.3.1, 7.3.3. Known names get their registered spelling, compact forms their
    long one, unknown names have each word capitalised.

    Args:
        name: what stands before the colon; blanks before the colon are allowed.
    Raises:
        MessageError: the name is not a token (hint 400).
    """
    trimmed = name.rstrip(b" \t")
    if _TOKEN.fullmatch(trimmed) is None:
        raise MessageError("header name", "is not a token")
    lower = trimmed.lower()
    return _BY_LOWER.get(lower) or lower.title().decode("ascii")


NAMES = Memo(canonical)
"""Header names as they were spelled so far, and the spelling they are compared under."""


class Headers:
    """The header fields of one message, in wire order.

    Attributes:
        names: canonical names, one per line.
        lines: whole header lines without CRLF and without folding, parallel to ``names``.
    """

    __slots__ = ("lines", "names")

    def __init__(self, names: list[str], lines: list[bytes]) -> None:
        self.names = names
        self.lines = lines

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.lines == other.lines

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self.lines!r})"

    def copy(self) -> Headers:
        """Return an independent copy."""
        return Headers(self.names.copy(), self.lines.copy())

    def line(self, name: str) -> bytes | None:
        """Return the first line called ``name``, name and all, or None."""
        names = self.names
        return self.lines[names.index(name)] if name in names else None

    def get(self, name: str) -> bytes | None:
        """Return the body of the first line called ``name``, blanks trimmed, or None."""
        names = self.names
        if name not in names:
            return None
        return self.lines[names.index(name)].partition(b":")[2].strip()

    def get_all(self, name: str) -> list[bytes]:
        """Return the bodies of all lines called ``name``, in wire order."""
        if name not in self.names:
            return []
        return [
            line.partition(b":")[2].strip()
            for candidate, line in zip(self.names, self.lines, strict=True)
            if candidate == name
        ]

    def elements(self, name: str, *, limit: int = 256) -> list[bytes]:
        """Return the list elements of a comma-separated field over all of its lines.

        RFC: 3261 7.3.1: repeated lines and comma-joined values are the same ordered list.

        Raises:
            MessageError: unbalanced quotes or brackets, an empty element, or more than
                ``limit`` elements.
        """
        found: list[bytes] = []
        for body in self.get_all(name):
            if b"," in body:
                found.extend(split_list(body, limit=limit))
            elif body:
                found.append(body)
            if len(found) > limit:
                raise MessageError(name, f"more than {limit} values", 513)
        return found

    def add(self, name: str, value: bytes) -> None:
        """Append a line."""
        self.names.append(name)
        self.lines.append(name.encode() + b": " + value)

    def insert(self, name: str, value: bytes) -> None:
        """Put a line before the first of that name, or on top when there is none."""
        at = self.names.index(name) if name in self.names else 0
        self.names.insert(at, name)
        self.lines.insert(at, name.encode() + b": " + value)

    def set(self, name: str, value: bytes) -> None:
        """Give ``name`` exactly one line, where its first line stood or at the end."""
        if name not in self.names:
            self.add(name, value)
            return
        at = self.names.index(name)
        self.lines[at] = name.encode() + b": " + value
        while self.names.count(name) > 1:
            last = len(self.names) - 1 - self.names[::-1].index(name)
            del self.names[last], self.lines[last]

    def remove(self, name: str) -> int:
        """Drop every line called ``name``; return how many there were."""
        count = self.names.count(name)
        for _ in range(count):
            at = self.names.index(name)
            del self.names[at], self.lines[at]
        return count

    def pop_first(self, name: str, rest: bytes | None = None) -> None:
        """Take the first list element of ``name`` away.

        Args:
            name: a list header that is present.
            rest: what follows that element on its line, or None when it was alone there.
        """
        at = self.names.index(name)
        if rest is None:
            del self.names[at], self.lines[at]
        else:
            self.lines[at] = name.encode() + b": " + rest
