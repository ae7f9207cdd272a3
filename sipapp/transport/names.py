"""Real DNS, over ``twisted.names``: no threads, so that a silent server blocks nobody else."""

from __future__ import annotations

__all__ = ["NamesDns"]

from collections.abc import Callable, Iterable, Sequence
from socket import AF_INET, AF_INET6, inet_ntop
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath

from sipapp.errors import ResolveFailed
from sipapp.transport.dns import Answer, Naptr, Srv
from sipapp.transport.hop import Address

if TYPE_CHECKING:
    from twisted.names.dns import RRHeader

Section = list["RRHeader"]
Sections = tuple[Section, Section, Section]

NEGATIVE_TTL = 30.0
"""For "no such name" without an SOA record to say how long (RFC 2308 5)."""

HOSTS_TTL = 60.0


class NamesDns:
    """Asks name servers.

    Args:
        reactor: for sockets and timeouts.
        servers: whom to ask, by address; None for those of /etc/resolv.conf.
        hosts: file of names that are known without asking, "" for none.
    """

    def __init__(
        self,
        reactor: Any,
        servers: Sequence[Address] | None = None,
        hosts: str = "/etc/hosts",
    ) -> None:
        from twisted.names.client import Resolver

        resolv = "/etc/resolv.conf" if servers is None else None
        # One try of 2 s is all that a question may take: twisted.names would wait for a minute.
        self._client: Any = Resolver(  # type: ignore[no-untyped-call]
            resolv, servers, timeout=(1, 1), reactor=reactor
        )
        self._hosts = FilePath(hosts.encode()) if hosts else None

    def naptr(self, name: str) -> Deferred[Answer[Naptr]]:
        """The NAPTR records of a domain."""
        return self._ask(self._client.lookupNamingAuthorityPointer, name, _naptr)

    def srv(self, name: str) -> Deferred[Answer[Srv]]:
        """The SRV records of a service."""
        return self._ask(self._client.lookupService, name, _srv)

    def addresses(self, name: str, family: int) -> Deferred[Answer[str]]:
        """The A or AAAA records of a host, those behind a CNAME included."""
        if known := self._in_hosts_file(name, family):
            return succeed(Answer(known, HOSTS_TTL))
        client = self._client
        lookup = client.lookupIPV6Address if family == 6 else client.lookupAddress
        return self._ask(lookup, name, _aaaa if family == 6 else _a)

    def _in_hosts_file(self, name: str, family: int) -> tuple[str, ...]:
        from twisted.names.hosts import searchFileForAll

        if self._hosts is None:
            return ()
        found = searchFileForAll(  # type: ignore[no-untyped-call]
            self._hosts, name.encode("idna")
        )
        return tuple(address for address in found if (":" in address) == (family == 6))

    def _ask(
        self,
        lookup: Callable[[str], Deferred[Sections]],
        name: str,
        read: Callable[[Any], Any],
    ) -> Deferred[Answer[Any]]:
        return lookup(name).addCallbacks(lambda found: _answer(found, read), _none_or_failed)


def _answer(sections: Sections, read: Callable[[Any], Any]) -> Answer[Any]:
    answers, authority, _ = sections
    records = [(rr.ttl, read(rr.payload)) for rr in answers]
    fitting = [(ttl, record) for ttl, record in records if record is not None]
    if not fitting:
        return Answer((), _negative_ttl(authority))
    return Answer(tuple(record for _, record in fitting), float(min(ttl for ttl, _ in fitting)))


def _negative_ttl(authority: Iterable[RRHeader]) -> float:
    """RFC 2308 5: the lesser of the SOA's TTL and its last field."""
    from twisted.names.dns import Record_SOA

    payloads: list[tuple[int, Any]] = [(rr.ttl, rr.payload) for rr in authority]
    ttls = [min(ttl, soa.minimum) for ttl, soa in payloads if isinstance(soa, Record_SOA)]
    return float(min(ttls, default=NEGATIVE_TTL))


def _none_or_failed(failure: Failure) -> Answer[Any]:
    """NXDOMAIN is an answer; everything else means that nobody gave one."""
    from twisted.names.error import DNSNameError

    if isinstance(failure.value, DNSNameError):
        return Answer((), NEGATIVE_TTL)
    raise ResolveFailed(failure.getErrorMessage()) from failure.value


def _text(name: Any) -> str:
    return str(name).lower()


def _naptr(payload: Any) -> Naptr | None:
    from twisted.names.dns import Record_NAPTR

    if not isinstance(payload, Record_NAPTR):
        return None
    flags, service, regexp = (
        part.string.decode("latin-1") for part in (payload.flags, payload.service, payload.regexp)
    )
    return Naptr(
        payload.order, payload.preference, flags, service, regexp, _text(payload.replacement)
    )


def _srv(payload: Any) -> Srv | None:
    from twisted.names.dns import Record_SRV

    if not isinstance(payload, Record_SRV):
        return None
    return Srv(payload.priority, payload.weight, payload.port, _text(payload.target) or ".")


def _a(payload: Any) -> str | None:
    from twisted.names.dns import Record_A

    return _spelled(AF_INET, payload.address) if isinstance(payload, Record_A) else None


def _aaaa(payload: Any) -> str | None:
    from twisted.names.dns import Record_AAAA

    return _spelled(AF_INET6, payload.address) if isinstance(payload, Record_AAAA) else None


def _spelled(family: int, packed: bytes | None) -> str | None:
    return inet_ntop(family, packed) if packed else None
