"""The lexical rules of RFC 3261 section 25, written once and compiled once.

Theory. Field parsers work on text that was decoded as UTF-8 with ``surrogateescape``, the parser
of the envelope works on bytes. So a rule is a fragment of regular expression *text*; ``rule``
compiles it for text and ``wire_rule`` for bytes. The name ``X_CHARS`` is what goes between square
brackets, every other capital name is a whole expression.

Two rules keep matching linear on hostile input. Nothing is tried twice: repetitions of characters
are possessive (``[...]++``), those of groups stand in an atomic group (``(?>(...)*)``), because up
to 3.11.4, and Debian 12 has 3.11.2, Python matches possessive groups wrongly (gh-106052). And an
escape ``%HH`` is matched as one plain character and checked by ``BAD_ESCAPE`` only if a percent
sign is there at all.
"""

from __future__ import annotations

__all__ = [
    "BAD_ESCAPE",
    "GEN_PARAMS",
    "GEN_VALUE",
    "HNV_CHARS",
    "HOST",
    "LWS",
    "PARAM_CHARS",
    "PASSWORD_CHARS",
    "QUOTED_STRING",
    "SWS",
    "TOKEN",
    "TOKEN_CHARS",
    "UNRESERVED_CHARS",
    "URIC_CHARS",
    "USER_CHARS",
    "WORD",
    "canonical_address",
    "canonical_host",
    "decode_wire",
    "encode_wire",
    "is_quoted_string",
    "is_token",
    "quote",
    "rule",
    "unfold",
    "unquote",
    "wire_rule",
]

import ipaddress
import re
from functools import lru_cache

# RFC 3261 25.1: unreserved = alphanum / mark.
UNRESERVED_CHARS = r"A-Za-z0-9\-_.!~*'()"

# RFC 3261 25.1: token.
TOKEN_CHARS = r"A-Za-z0-9\-.!%*_+`'~"
TOKEN = rf"[{TOKEN_CHARS}]++"

# RFC 3261 25.1: word, the part of a Call-ID on either side of its "@".
WORD = r"[A-Za-z0-9\-.!%*_+`'~()<>:\\\"/\[\]?{}]++"

# RFC 3261 25.1: LWS after unfolding is blanks only; SWS is LWS or nothing.
LWS = r"[ \t]++"
SWS = r"[ \t]*+"

# RFC 3261 25.1: quoted-string with quoted-pair. More tolerant in one thing: a backslash may stand
# before any character but CR and LF, because "DOMAIN\user" is sent with non-ASCII names, too.
QUOTED_STRING = r'"(?>(?:[^"\\\x00-\x08\x0a-\x1f\x7f]++|\\[^\r\n])*)"'

# RFC 3261 25.1: user, password, paramchar, hnv; the percent sign stands for ``escaped``.
USER_CHARS = UNRESERVED_CHARS + "&=+$,;?/%"
PASSWORD_CHARS = UNRESERVED_CHARS + "&=+$,%"
PARAM_CHARS = UNRESERVED_CHARS + r"\[\]/:&+$%"
HNV_CHARS = UNRESERVED_CHARS + r"\[\]/?:+$%"

# RFC 3261 25.1: uric; the square brackets are RFC 2732's addition for IPv6 references.
URIC_CHARS = UNRESERVED_CHARS + r";/?:@&=+$,%\[\]"

# RFC 3261 25.1: host, as a first sieve only; ``canonical_host`` is the judge. The bounds (a DNS
# name has at most 255 octets) also bound what the cache of the judge can be made to hold.
HOST = r"(?:[A-Za-z0-9._\-]{1,255}+|\[[0-9A-Fa-f:.]{2,60}+\])"

# RFC 3261 25.1: gen-value = token / host / quoted-string; a host adds brackets and colons.
GEN_VALUE = rf"(?:[{TOKEN_CHARS}\[\]:]++|{QUOTED_STRING})"

# RFC 3261 25.1: *( SEMI generic-param ), blanks allowed around ";" and "=".
GEN_PARAMS = rf"(?>(?:{SWS};{SWS}{TOKEN}(?>(?:{SWS}={SWS}{GEN_VALUE})?))*)"

# RFC 3261 25.1: escaped = "%" HEXDIG HEXDIG. This finds a percent sign that starts none.
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

# RFC 3261 25.1: hostname. One tolerance: the underscore, which the grammar forbids and which
# names of containers and of Windows machines hold.
_HOSTNAME = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*"
    r"[A-Za-z_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.?"
)
# Begins at the line end, not at the blanks before it: a search that begins at blanks is quadratic.
_FOLD = re.compile(rb"\r?\n[ \t]++")
_PAIR = re.compile(r"\\(.)", re.DOTALL)


def rule(expression: str) -> re.Pattern[str]:
    """Compile a rule for text (typed fields)."""
    return re.compile(expression)


def wire_rule(expression: str) -> re.Pattern[bytes]:
    """Compile a rule for bytes (the envelope); the expression must be ASCII."""
    return re.compile(expression.encode("ascii"))


_TOKEN = rule(TOKEN)
_QUOTED_STRING = rule(QUOTED_STRING)


def is_token(text: str) -> bool:
    """Tell whether ``text`` is one token. RFC: 3261 25.1."""
    return _TOKEN.fullmatch(text) is not None


def is_quoted_string(text: str) -> bool:
    """Tell whether ``text`` is one quoted-string, its quotes included. RFC: 3261 25.1."""
    return _QUOTED_STRING.fullmatch(text) is not None


def decode_wire(value: bytes) -> str:
    """Turn wire octets into the text of typed fields; ``encode_wire`` gives them back exactly."""
    return value.decode("utf-8", "surrogateescape")


def encode_wire(text: str) -> bytes:
    """Turn the text of typed fields into wire octets."""
    return text.encode("utf-8", "surrogateescape")


def unfold(value: bytes) -> bytes:
    """Replace every folding by one space. RFC: 3261 7.3.1."""
    return _FOLD.sub(b" ", value) if b"\n" in value else value


def quote(text: str) -> str:
    """Make a quoted-string of ``text``; line ends, which cannot be escaped, become spaces.

    RFC: 3261 25.1.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    plain = text.replace("\r", " ").replace("\n", " ")
    body = "".join(
        "\\" + char if char in '"\\' or (char < " " and char != "\t") or char == "\x7f" else char
        for char in plain
    )
    return f'"{body}"'


def unquote(text: str) -> str:
    """Give the value of a quoted-string; text that is not quoted is its own value.

    RFC: 3261 25.1.
    """
    if len(text) < 2 or text[0] != '"':
        return text
    body = text[1:-1]
    return _PAIR.sub(r"\1", body) if "\\" in body else body


@lru_cache(maxsize=1024)
def canonical_host(text: str) -> str | None:
    """Judge a host of a URI or a Via and give its one spelling, or None if it is no host.

    Names become lower case, IPv6 references lose their brackets and become RFC 5952 text, so that
    equal text means equal host. The dot that may end a name goes, since all SIP names are absolute.
    Digits and dots that make no IPv4 address (444.555.666.777, 192.00.2.1) are no hostname either,
    because the last label starts with a letter. Of RFC 5118 4.10 the form with three colons is
    understood as the one with two.

    RFC: 3261 25.1, 5954 4.1, 5118 4.10.

    Args:
        text: as on the wire, IPv6 in brackets, at most 255 characters.
    """
    if text.startswith("["):
        return _ipv6(text[1:-1].replace(":::", "::")) if text.endswith("]") else None
    if text[-1:].isdigit() and (address := _ipv4(text)) is not None:
        return address
    return text.lower().removesuffix(".") if _HOSTNAME.fullmatch(text) else None


@lru_cache(maxsize=1024)
def canonical_address(text: str) -> str | None:
    """Judge an IP address without or with brackets, as in ``received``; None if it is none.

    RFC: 3261 25.1 via-received, 5118 4.5 (brackets tolerated), 5954 4.1.

    Args:
        text: as on the wire, at most 60 characters (the caller's bound on the cache).
    """
    if text.startswith("[") and text.endswith("]"):
        return _ipv6(text[1:-1])
    return _ipv6(text) if ":" in text else _ipv4(text)


def _ipv4(text: str) -> str | None:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        return None


def _ipv6(text: str) -> str | None:
    # A zone ("%eth0") has no place in the grammar although ipaddress knows it.
    if "%" in text:
        return None
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    # str() spells mapped addresses differently from Python 3.13 on; stored keys must not change.
    mapped = address.ipv4_mapped
    return f"::ffff:{mapped}" if mapped is not None else address.compressed
