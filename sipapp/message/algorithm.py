"""The hashes of Digest authentication.

RFC: 7616 3.4, 8760 2.1 and 2.2, 3261 22.4.
"""

from __future__ import annotations

__all__ = [
    "Algorithm",
    "Protection",
    "equal",
    "ha1",
    "response",
    "session_ha1",
    "userhash",
]

import hashlib
from enum import StrEnum
from hmac import compare_digest
from typing import NamedTuple

from sipapp.message.grammar import encode_wire


class Algorithm(StrEnum):
    """A hash algorithm, named as on the wire. RFC: 7616 6.1, 8760 2.1."""

    MD5 = "MD5"
    SHA_256 = "SHA-256"
    SHA_512_256 = "SHA-512-256"

    def hash(self, data: bytes) -> str:
        """Hash octets to lower-case hexadecimal digits. RFC: 8760 2.2.

        SHA-512-256 is the function of FIPS 180-4, as in the registry. What RFC 7616 3.9.2 prints
        for its example is a SHA-512 cut off after 256 bits instead, which nobody should copy.
        """
        return hashlib.new(_HASHES[self], data, usedforsecurity=False).hexdigest()

    @property
    def digits(self) -> int:
        """Hexadecimal digits of a hash."""
        return 32 if self is Algorithm.MD5 else 64


_HASHES = {
    Algorithm.MD5: "md5",
    Algorithm.SHA_256: "sha256",
    Algorithm.SHA_512_256: "sha512_256",
}


class Protection(NamedTuple):
    """What a client adds to the hash if the server offers a quality of protection.

    RFC: 7616 3.4.

    Attributes:
        qop: "auth" or "auth-int".
        nc: eight lower-case hexadecimal digits, how often the nonce was used.
        cnonce: random text of the client.
    """

    qop: str
    nc: str
    cnonce: str


def _hash(algorithm: Algorithm, *parts: str) -> str:
    return algorithm.hash(encode_wire(":".join(parts)))


def ha1(algorithm: Algorithm, username: str, realm: str, password: str) -> str:
    """Hash a password for a user and a realm: what a server stores. RFC: 7616 3.4.2, 4."""
    return _hash(algorithm, username, realm, password)


def session_ha1(algorithm: Algorithm, secret: str, nonce: str, cnonce: str) -> str:
    """Turn a stored hash into that of one session ("-sess"). RFC: 7616 3.4.2.

    Args:
        secret: what ``ha1`` gave.
    """
    return _hash(algorithm, secret, nonce, cnonce)


def userhash(algorithm: Algorithm, username: str, realm: str) -> str:
    """Hide a user name. RFC: 7616 3.4.4."""
    return _hash(algorithm, username, realm)


def response(
    algorithm: Algorithm,
    secret: str,
    method: str,
    uri: str,
    nonce: str,
    protection: Protection | None = None,
    body: bytes = b"",
) -> str:
    """Compute the value of ``response``, or of ``rspauth`` if ``method`` is empty.

    RFC: 7616 3.4.1, 3.4.3, 3.5; 2069 2.1.2 (without qop).

    Args:
        secret: what ``ha1`` gave, or ``session_ha1`` for a "-sess" algorithm.
        uri: as in the ``uri`` parameter.
        protection: as sent; None for RFC 2069.
        body: counts for "auth-int" only.
    """
    second = [method, uri]
    if protection is not None and protection.qop == "auth-int":
        second.append(algorithm.hash(body))
    ha2 = _hash(algorithm, *second)
    if protection is None:
        return _hash(algorithm, secret, nonce, ha2)
    return _hash(algorithm, secret, nonce, protection.nc, protection.cnonce, protection.qop, ha2)


def equal(mine: str, theirs: str) -> bool:
    """Compare two hashes in a time that does not tell where they differ."""
    return compare_digest(encode_wire(mine), encode_wire(theirs))
