"""The URIs that SIP carries: sip and sips (RFC 3261 19.1), tel (RFC 3966) and any other.

A URI keeps the text it was parsed from and prints exactly that. Its parts are kept as on the wire
(escapes stay), except ``host``, which is lower case, without brackets and without a dot at its
end, ready for comparing and for a socket. Escapes are decoded once, only where values are
compared or shown to people.
"""

from __future__ import annotations

__all__ = ["AbsoluteUri", "SipUri", "TelUri", "Uri", "parse_uri"]

import re
from typing import TypeAlias

from sipapp.errors import MessageError, UsageError
from sipapp.message.escape import comparable, escape_user, normal, unescape
from sipapp.message.grammar import (
    BAD_ESCAPE,
    HNV_CHARS,
    HOST,
    PARAM_CHARS,
    PASSWORD_CHARS,
    URIC_CHARS,
    USER_CHARS,
    canonical_host,
    rule,
)
from sipapp.message.params import Params
from sipapp.message.tel_uri import TelUri, parse_tel

# RFC 3261 25.1: uri-parameters.
_PARAMS = rf"(?>(?:;[{PARAM_CHARS}]++(?>(?:=[{PARAM_CHARS}]++)?))*)"

# RFC 3261 25.1: headers, without the question mark.
_HEADERS = rf"[{HNV_CHARS}]++=[{HNV_CHARS}]*+(?>(?:&[{HNV_CHARS}]++=[{HNV_CHARS}]*+)*)"

# RFC 3261 25.1: SIP-URI and SIPS-URI.
_SIP = rule(
    rf"([sS][iI][pP][sS]?):(?>(?:([{USER_CHARS}]++)(?>(?::([{PASSWORD_CHARS}]*+))?)@)?)"
    rf"({HOST})(?>(?::([0-9]{{1,5}}+))?)({_PARAMS})(?>(?:\?({_HEADERS}))?)"
)

# RFC 3261 25.1: absoluteURI; what follows the colon is the business of the scheme's owner.
_ABSOLUTE = rule(rf"([A-Za-z][A-Za-z0-9+\-.]*+):([{URIC_CHARS}]++)")

_OWN_SCHEMES = ("sip", "sips", "tel")
_NAMES = rule(r";([^;=]++)")
_UNSAFE = rule(r"[\x00-\x20\x7f<>\"]")

# RFC 3261 19.1.4: parameters that have to be in both URIs or in neither. The list of the rule
# lacks transport; the sentence on defaults before it and the examples after it name it.
_NEVER_IGNORED = ("transport", "user", "ttl", "method", "maddr")


class SipUri:
    """A ``sip:`` or ``sips:`` URI; treat it as immutable and use ``replace`` to change it.

    RFC: 3261 19.1, 25.1, 5954.

    Attributes:
        scheme: "sip" or "sips".
        user: as on the wire (escaped), None if there is no ``@``. See ``plain_user``.
        password: as on the wire, None without one; may be empty. Never log it: ``redacted``.
        host: lower-case name without a dot at its end, or address text without brackets.
        port: 0 to 65535, None if not given.
        headers_text: what follows the ``?``, without it; empty if there is nothing.

    Args:
        params: ``Params`` made for a URI, or their wire text with the leading ``;``.
        headers: wire text without the ``?``.
        text: the parser's, who has checked everything; leave it out.
    Raises:
        UsageError: the parts do not make a legal URI.
    """

    __slots__ = (
        "_params",
        "_text",
        "headers_text",
        "host",
        "password",
        "port",
        "scheme",
        "user",
    )

    def __init__(
        self,
        scheme: str,
        user: str | None,
        password: str | None,
        host: str,
        port: int | None = None,
        params: Params | str = "",
        headers: str = "",
        text: str = "",
    ) -> None:
        self.scheme = scheme
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self._params = params
        self.headers_text = headers
        self._text = text or self._build()

    def _build(self) -> str:
        """Spell the parts. Checked like a received URI, so that no part smuggles another."""
        spelled = f"[{self.host}]" if ":" in self.host else self.host
        self.host = canonical_host(spelled) or self.host
        login = self.user or ""
        if self.password is not None:
            login += f":{self.password}"
        at = "@" if self.user is not None else ""
        headers = f"?{self.headers_text}" if self.headers_text else ""
        text = f"{self.scheme}:{login}{at}{self.host_port}{self._params}{headers}"
        if self != _parse_sip(text):
            raise UsageError("the parts do not make a legal SIP URI")
        return text

    @property
    def host_port(self) -> str:
        """``host[:port]`` as URIs and Via spell it, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def plain_user(self) -> str | None:
        """The user part with its escapes decoded once, as text; None without user."""
        return None if self.user is None else unescape(self.user)

    @property
    def params(self) -> Params:
        """The uri-parameters."""
        params = self._params
        if isinstance(params, str):
            params = Params(params, uri=True, field="URI") if params else _NO_URI_PARAMS
            self._params = params
        return params

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header fields asked for after ``?``, decoded once, in order. RFC: 3261 19.1.5.

        Whoever puts them in a message decides which are safe to honour.
        """
        return [(unescape(name), unescape(value)) for name, value in self._header_pairs()]

    def _header_pairs(self) -> list[tuple[str, str]]:
        parts = (part.partition("=") for part in self.headers_text.split("&") if part)
        return [(name, value) for name, _, value in parts]

    def without_headers(self) -> SipUri:
        """Copy without ``?headers``, as a Request-URI must be. RFC: 3261 19.1.5, table 1."""
        return self.replace(headers="") if self.headers_text else self

    def replace(
        self,
        *,
        host: str | None = None,
        port: int | None = -1,
        params: Params | None = None,
        headers: str | None = None,
    ) -> SipUri:
        """Copy with other parts; ``port=None`` takes the port away.

        Raises:
            UsageError: the parts do not make a legal URI.
        """
        return SipUri(
            self.scheme,
            self.user,
            self.password,
            self.host if host is None else host,
            self.port if port == -1 else port,
            self._params if params is None else params,
            self.headers_text if headers is None else headers,
        )

    def aor(self) -> str:
        """Give the canonical address-of-record, the key of the location service.

        Parameters, headers and password go; escapes are decoded and then put back only where the
        grammar demands them, so that equal users have equal text. The port goes too: table 1
        allows none in To, and a request to ``bob@example.com:5060`` means the same Bob.

        RFC: 3261 10.3 step 5, 19.1.1 table 1.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.user is None:
            return f"{self.scheme}:{host}"
        user = escape_user(unescape(self.user)) if "%" in self.user else self.user
        return f"{self.scheme}:{user}@{host}"

    def redacted(self) -> str:
        """Give the text with the password hidden, for logs. RFC: 3261 19.1.1 (NOT RECOMMENDED)."""
        if self.password is None:
            return self._text
        secret = f"{self.user}:{self.password}@"
        return self._text.replace(secret, f"{self.user}:***@", 1)

    def matches(self, other: Uri) -> bool:
        """Tell whether both name the same resource. Not transitive.

        RFC: 3261 19.1.4; 5954 4.2 (addresses by value).
        """
        return (
            isinstance(other, SipUri)
            and self.scheme == other.scheme
            and self.host == other.host
            and self.port == other.port
            and _same(self.user, other.user)
            and _same(self.password, other.password)
            and self._params_match(other)
            and _header_key(self) == _header_key(other)
        )

    def _params_match(self, other: SipUri) -> bool:
        mine, theirs = comparable(self.params.items()), comparable(other.params.items())
        if any((name in mine) != (name in theirs) for name in _NEVER_IGNORED):
            return False
        return all(theirs[name] == value for name, value in mine.items() if name in theirs)

    def __eq__(self, other: object) -> bool:
        """Equal parts as on the wire, parameters in the same order; see ``matches``."""
        if not isinstance(other, SipUri):
            return NotImplemented
        return self._key() == other._key()

    def _key(self) -> tuple[object, ...]:
        login = (self.scheme, self.user, self.password)
        return (*login, self.host, self.port, str(self._params), self.headers_text)

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"SipUri({self.redacted()!r})"


_NO_URI_PARAMS = Params(uri=True, field="URI")


def _same(mine: str | None, theirs: str | None) -> bool:
    if mine == theirs:
        return True
    return mine is not None and theirs is not None and normal(mine) == normal(theirs)


def _header_key(uri: SipUri) -> list[tuple[str, str]]:
    if not uri.headers_text:
        return []
    pairs = uri._header_pairs()
    return sorted((unescape(name).lower(), normal(value).lower()) for name, value in pairs)


class AbsoluteUri:
    """Any URI of another scheme: kept, compared and forwarded, not understood.

    RFC: 3261 25.1.

    Attributes:
        scheme: lower case.
        rest: all after the colon, as on the wire.
    """

    __slots__ = ("_text", "rest", "scheme")

    def __init__(self, scheme: str, rest: str, text: str = "") -> None:
        self.scheme = scheme.lower()
        self.rest = rest
        self._text = text or f"{scheme}:{rest}"
        if not text and _parse_absolute(self._text) is None:
            raise UsageError("the parts do not make a legal URI")

    def redacted(self) -> str:
        """Give the text for logs; a password before an ``@`` is hidden."""
        return re.sub(r"(//[^/@:]*:)[^/@]*@", r"\1***@", self._text, count=1)

    def matches(self, other: Uri) -> bool:
        """Tell whether scheme and rest are the same; escapes of unreserved characters aside."""
        return (
            isinstance(other, AbsoluteUri)
            and self.scheme == other.scheme
            and normal(self.rest) == normal(other.rest)
        )

    def __eq__(self, other: object) -> bool:
        """Equal text; see ``matches``."""
        return self._text == other._text if isinstance(other, AbsoluteUri) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"AbsoluteUri({self.redacted()!r})"


Uri: TypeAlias = SipUri | TelUri | AbsoluteUri


def parse_uri(data: bytes, field: str = "Request-URI") -> Uri:
    """Parse one URI without blanks or brackets around it.

    Parameters are looked at only if there are two or more, for the rule that none appears twice.

    RFC: 3261 25.1, 3966 3, 5954 4.1.

    Args:
        data: wire octets, at most 64 KiB (the parser's cap).
        field: named in the error.
    Raises:
        MessageError: not a URI by the grammar.
    """
    text = data.decode("latin-1")
    try:
        uri = _parse_sip(text) or _parse_other(text)
    except MessageError as error:
        raise MessageError(field, error.reason) from error
    if uri is None:
        raise MessageError(field, _complaint(text))
    return uri


def _parse_sip(text: str) -> SipUri | None:
    match = _SIP.fullmatch(text)
    if match is None:
        return None
    scheme, user, password, spelled, digits, params, headers = match.groups()
    host = canonical_host(spelled)
    if host is None or ("%" in text and BAD_ESCAPE.search(text)):
        return None
    port = None
    if digits is not None and (port := int(digits)) > 65535:
        return None
    uri = SipUri(scheme.lower(), user, password, host, port, params, headers or "", text)
    if params and params.find(";", 1) > 0 and ("%" in params or _repeats(params)):
        uri.params.check()
    return uri


def _repeats(params: str) -> bool:
    names = _NAMES.findall(params.lower())
    return len(set(names)) < len(names)


def _parse_other(text: str) -> TelUri | AbsoluteUri | None:
    return parse_tel(text) if text[:4].lower() == "tel:" else _parse_absolute(text)


def _parse_absolute(text: str) -> AbsoluteUri | None:
    match = _ABSOLUTE.fullmatch(text)
    if match is None or BAD_ESCAPE.search(text) or match[1].lower() in _OWN_SCHEMES:
        return None
    return AbsoluteUri(match[1], match[2], text)


def _complaint(text: str) -> str:
    if _UNSAFE.search(text):
        return "blank, control, quote or angle bracket in the URI"
    scheme = text.partition(":")[0].lower()
    return f"not a valid {scheme} URI" if scheme in _OWN_SCHEMES else "not a valid URI"
