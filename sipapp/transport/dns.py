"""The DNS records that locating a SIP server needs."""

from __future__ import annotations

__all__ = ["Answer", "Naptr", "Srv"]

from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Naptr:
    """A pointer from a domain to the SRV name of one of its transports (RFC 3403 4.1)."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """One server of a service (RFC 2782). The target "." says that there is none."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """What DNS says about one name and type.

    Attributes:
        records: none for a name that does not exist or has nothing of the type.
        ttl: seconds that this may be remembered; for no records, those of RFC 2308.
    """

    records: tuple[R, ...]
    ttl: float
