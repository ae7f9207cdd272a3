"""The account of a user: what authentication knows about somebody, without the password."""

from __future__ import annotations

__all__ = ["Account"]

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """A user who can authenticate in one domain.

    RFC: 7616 3.4.2, 5.2. The hashes stand for the password in this realm and are as secret.

    Attributes:
        username: user part of the address of record and digest username; compared by case.
        domain: host part of the address of record and digest realm; lower case.
        ha1_md5: MD5 of ``username:domain:password``, 32 lower-case hexadecimal digits.
        ha1_sha256: SHA-256 of the same, 64 lower-case hexadecimal digits.
        enabled: a disabled account is answered like one that does not exist.
    """

    username: str
    domain: str
    ha1_md5: str = field(repr=False)
    ha1_sha256: str = field(repr=False)
    enabled: bool = True

    @property
    def aor(self) -> str:
        """The address of record, ``sip:username@domain`` (RFC 3261 6)."""
        return f"sip:{self.username}@{self.domain}"
