"""Digest authentication: credentials and challenges, and whether the ones answer the others.

The hashes are in ``algorithm`` and are named here, too. No policy, no clock, no randomness: who is
challenged, how long a nonce lives and which algorithms are offered is decided elsewhere. Where
the header fields are read, everything odd is an error, because a value that two programs read
differently is a way around one of them.

RFC: 7616, 8760 (their use in SIP), 3261 22.4.
"""

from __future__ import annotations

__all__ = [
    "Algorithm",
    "Challenge",
    "Credentials",
    "Protection",
    "answer",
    "equal",
    "ha1",
    "parse_challenge",
    "parse_challenges",
    "parse_credentials",
    "response",
    "session_ha1",
    "userhash",
]

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from sipapp.errors import MessageError
from sipapp.message.algorithm import (
    Algorithm,
    Protection,
    equal,
    ha1,
    response,
    session_ha1,
    userhash,
)
from sipapp.message.escape import unescape
from sipapp.message.grammar import (
    BAD_ESCAPE,
    QUOTED_STRING,
    SWS,
    TOKEN,
    decode_wire,
    quote,
    rule,
    unfold,
    unquote,
)

_MOST_OCTETS = 8192
_MOST_PARAMETERS = 32

# RFC 3261 25.1: "Digest" LWS dig-resp / digest-cln. RFC 7235 would allow a bare scheme, too.
_SCHEME = rule(rf"{SWS}({TOKEN})(?:[ \t]++|$)")
_PARAMETER = rule(rf"({TOKEN}){SWS}={SWS}({TOKEN}|{QUOTED_STRING}){SWS}(?:,{SWS}(?!$)|$)")
_NONCE_COUNT = rule("[0-9A-Fa-f]{8}")  # RFC 7616 3.3 says LHEX; some phones count in upper case
_LOWER_HEX = rule("[0-9a-f]++")

# RFC 7616 3.4: what has to be a quoted string, in credentials and in challenges. For the others
# quotes are tolerated, since RFC 3665 prints qop="auth" in credentials and phones send it.
_QUOTED = frozenset(
    ("username", "realm", "nonce", "uri", "response", "cnonce", "opaque", "domain"),
)


_ALGORITHMS = {algorithm.lower(): (algorithm, False) for algorithm in Algorithm} | {
    f"{algorithm.lower()}-sess": (algorithm, True) for algorithm in Algorithm
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The Digest credentials of Authorization or Proxy-Authorization, unquoted.

    RFC: 7616 3.4; 3261 20.7, 22.4.

    Attributes:
        uri: text of the parameter; it need not equal the Request-URI (RFC 8760 2.6 item 6).
        response: hash of the right length; empty only together with an empty ``nonce``, the
            form in which IMS phones send their name before any challenge (RFC 3310).
        algorithm: None if it is one we don't know, which is a reason to challenge again.
        session: the algorithm was a "-sess" one.
        protection: None for an RFC 2069 client.
        hashed: ``username`` is what ``userhash`` gives.
    """

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: Algorithm | None = Algorithm.MD5
    session: bool = False
    protection: Protection | None = None
    opaque: str | None = None
    hashed: bool = False

    def proves(self, secret: str, method: str, body: bytes = b"") -> bool:
        """Tell whether the sender knows the password.

        Args:
            secret: what ``ha1`` gives for this algorithm, user and realm.
            method: of the request that carries the credentials; INVITE for its ACK and CANCEL.
            body: of the request.
        """
        if self.algorithm is None:
            return False
        if self.session and self.protection is not None:
            secret = session_ha1(self.algorithm, secret, self.nonce, self.protection.cnonce)
        expected = response(
            self.algorithm, secret, method, self.uri, self.nonce, self.protection, body
        )
        return equal(expected, self.response)

    def __str__(self) -> str:
        """Give the header field value. A name in UTF-8 is quoted as it is (RFC 3261 25.1)."""
        names = ("username", "realm", "nonce", "uri", "response")
        parts = [f"{name}={quote(getattr(self, name))}" for name in names]
        parts.append(f"algorithm={self.algorithm or Algorithm.MD5}{'-sess' * self.session}")
        if self.protection is not None:
            qop, nc, cnonce = self.protection
            parts.append(f"qop={qop}, nc={nc}, cnonce={quote(cnonce)}")
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.hashed:
            parts.append("userhash=true")
        return "Digest " + ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One Digest challenge of WWW-Authenticate or Proxy-Authenticate, unquoted.

    RFC: 7616 3.3; 8760 2.3; 3261 20.44.

    Attributes:
        algorithm: None if it is one we don't know: ignore the challenge (RFC 8760 2.4).
        session: the algorithm is a "-sess" one.
        qop: what is offered of "auth" and "auth-int", in order; empty for an RFC 2069 server.
        stale: only the nonce was wrong.
        userhash: the server understands hashed user names.
    """

    realm: str
    nonce: str
    algorithm: Algorithm | None = Algorithm.MD5
    session: bool = False
    qop: tuple[str, ...] = ("auth",)
    opaque: str | None = None
    stale: bool = False
    userhash: bool = False

    def __str__(self) -> str:
        """Give the header field value."""
        algorithm = f"{self.algorithm or Algorithm.MD5}{'-sess' * self.session}"
        parts = [f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}"]
        parts.append(f"algorithm={algorithm}")
        if self.qop:
            parts.append(f'qop="{",".join(self.qop)}"')
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        parts += ["stale=true"] * self.stale + ["userhash=true"] * self.userhash
        return "Digest " + ", ".join(parts)


def answer(
    challenge: Challenge,
    username: str,
    secret: str,
    method: str,
    uri: str,
    *,
    cnonce: str,
    count: int = 1,
    body: bytes = b"",
) -> Credentials:
    """Answer a challenge, preferring "auth" to "auth-int".

    RFC: 7616 3.4; 3261 22.4 item 8 (qop if and only if it was offered).

    Args:
        challenge: with a known algorithm.
        secret: what ``ha1`` gives for the challenge's algorithm and realm.
        cnonce: random text, new for every challenge.
        count: how often this nonce is answered, this time included.
    """
    algorithm = challenge.algorithm or Algorithm.MD5
    qop = "auth" if "auth" in challenge.qop else next(iter(challenge.qop), None)
    if challenge.session:
        secret = session_ha1(algorithm, secret, challenge.nonce, cnonce)
    protection = Protection(qop, f"{count:08x}", cnonce) if qop else None
    proof = response(algorithm, secret, method, uri, challenge.nonce, protection, body)
    hidden = userhash(algorithm, username, challenge.realm) if challenge.userhash else username
    return Credentials(
        username=hidden,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response=proof,
        algorithm=algorithm,
        session=challenge.session,
        protection=protection,
        opaque=challenge.opaque,
        hashed=challenge.userhash,
    )


def parse_credentials(value: bytes, field: str = "Authorization") -> Credentials | None:
    """Parse credentials; those of another scheme than Digest give None.

    RFC: 3261 20.7, 25.1; 7616 3.4.

    Args:
        value: field body, at most 8 KiB and 32 parameters.
        field: named in the error.
    Raises:
        MessageError: anything malformed, missing or given twice; a qop, nc or response that no
            client computes so.
    """
    found = _parameters(value, field)
    if found is None:
        return None
    username, hashed = _username(found, field)
    algorithm, session = _algorithm(found)
    nonce = _need(found, "nonce", field)
    proof = _need(found, "response", field)
    if (proof or nonce) and not _is_hash(proof, algorithm):
        raise MessageError(field, "response is no hash")
    return Credentials(
        username=username,
        realm=_need(found, "realm", field),
        nonce=nonce,
        uri=_need(found, "uri", field),
        response=proof,
        algorithm=algorithm,
        session=session,
        protection=_protection(found, session, field),
        opaque=found.get("opaque"),
        hashed=hashed,
    )


def parse_challenge(value: bytes, field: str = "WWW-Authenticate") -> Challenge | None:
    """Parse one challenge; one of another scheme than Digest gives None.

    RFC: 3261 20.44, 25.1; 7616 3.3.

    Args:
        value: field body, at most 8 KiB and 32 parameters.
        field: named in the error.
    Raises:
        MessageError: anything malformed, missing or given twice, or qop names only what we
            don't know.
    """
    found = _parameters(value, field)
    if found is None:
        return None
    algorithm, session = _algorithm(found)
    offered = [token.strip(" \t").lower() for token in found.get("qop", "").split(",")]
    qop = tuple(token for token in offered if token in ("auth", "auth-int"))
    if "qop" in found and not qop:
        raise MessageError(field, "no qop that is known")
    return Challenge(
        realm=_need(found, "realm", field),
        nonce=_need(found, "nonce", field),
        algorithm=algorithm,
        session=session,
        qop=qop,
        opaque=found.get("opaque"),
        stale=found.get("stale", "").lower() == "true",
        userhash=found.get("userhash", "").lower() == "true",
    )


def parse_challenges(values: Iterable[bytes], field: str = "WWW-Authenticate") -> list[Challenge]:
    """Parse the challenges that can be answered, in the order of the server's preference.

    Other schemes, other algorithms and broken challenges are left out: one bad line must not
    keep the client from answering a good one.

    RFC: 8760 2.4.

    Args:
        values: one field body per header line.
    """
    challenges = []
    for value in values:
        try:
            challenge = parse_challenge(value, field)
        except MessageError:
            continue
        if challenge is not None and challenge.algorithm is not None:
            challenges.append(challenge)
    return challenges


def _parameters(value: bytes, field: str) -> dict[str, str] | None:
    """Read ``Digest name=value, ...`` into unquoted values by lower-case name."""
    if len(value) > _MOST_OCTETS:
        raise MessageError(field, "too long")
    text = decode_wire(unfold(value))
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise MessageError(field, "no authentication scheme")
    if scheme[1].lower() != "digest":
        return None
    found: dict[str, str] = {}
    position = scheme.end()
    while position < len(text) or not found:
        match = _PARAMETER.match(text, position)
        if match is None:
            raise MessageError(field, "not a list of parameters")
        _store(found, match, field)
        position = match.end()
    return found


def _store(found: dict[str, str], match: re.Match[str], field: str) -> None:
    name, value = match[1].lower(), match[2]
    if name in found or len(found) == _MOST_PARAMETERS:
        raise MessageError(field, "a parameter appears twice, or too many")
    if name in _QUOTED and value[0] != '"':
        raise MessageError(field, f"{name} is not quoted")
    found[name] = unquote(value)


def _need(found: dict[str, str], name: str, field: str) -> str:
    if name not in found:
        raise MessageError(field, f"{name} is missing")
    return found[name]


def _username(found: dict[str, str], field: str) -> tuple[str, bool]:
    """Take the name, plain, hashed or in the extended notation. RFC: 7616 3.4, 5987 3.2."""
    hashed = found.get("userhash", "false").lower()
    if hashed not in ("true", "false"):
        raise MessageError(field, "bad userhash")
    if "username*" not in found:
        return _need(found, "username", field), hashed == "true"
    charset, _, rest = found["username*"].partition("'")
    text = rest.partition("'")[2]
    if "username" in found or hashed == "true":
        raise MessageError(field, "username is given twice")
    if charset.lower() != "utf-8" or not text or BAD_ESCAPE.search(text):
        raise MessageError(field, "bad username*")
    return unescape(text), False


def _algorithm(found: dict[str, str]) -> tuple[Algorithm | None, bool]:
    return _ALGORITHMS.get(found.get("algorithm", "MD5").lower(), (None, False))


def _protection(found: dict[str, str], session: bool, field: str) -> Protection | None:
    """Take qop, nc and cnonce: all or none. RFC: 7616 3.4; 3261 22.4 item 8.

    Without qop the other two are not part of the hash and are ignored, because phones send them.
    """
    if "qop" not in found:
        if session:
            raise MessageError(field, "a session algorithm needs qop")
        return None
    if found["qop"] not in ("auth", "auth-int"):
        raise MessageError(field, "unknown qop")
    nc = _need(found, "nc", field)  # kept as written, since that is what was hashed
    if not _NONCE_COUNT.fullmatch(nc):
        raise MessageError(field, "nc is not eight hexadecimal digits")
    return Protection(found["qop"], nc, _need(found, "cnonce", field))


def _is_hash(text: str, algorithm: Algorithm | None) -> bool:
    fits = algorithm is None or len(text) == algorithm.digits
    return fits and _LOWER_HEX.fullmatch(text) is not None
