"""Real DNS on the loopback interface: our client against the server of twisted.names."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.names import authority, server
from twisted.names import dns as twisted_dns

from sipapp.errors import ResolveFailed
from sipapp.message.uri import SipUri, parse_uri
from sipapp.transport.dns import Answer, Naptr, Srv
from sipapp.transport.hop import Hop
from sipapp.transport.names import NEGATIVE_TTL, NamesDns
from sipapp.transport.resolver import Resolver
from tests.interop.reactors import on_reactor, perform, turn

pytestmark = pytest.mark.sockets

Make = Callable[[], Any]

# twisted.names has no annotations.
dns: Any = twisted_dns
FileAuthority: Any = authority.FileAuthority
DNSServerFactory: Any = server.DNSServerFactory

RECORDS: dict[bytes, list[Any]] = {
    b"example.test": [
        dns.Record_SOA(b"ns.example.test", b"root.example.test", minimum=17, ttl=300),
        dns.Record_NAPTR(10, 20, b"s", b"SIP+D2U", b"", b"_sip._udp.example.test", ttl=60),
        dns.Record_MX(1, b"mail.example.test", ttl=60),
    ],
    b"_sip._udp.example.test": [dns.Record_SRV(1, 2, 5070, b"Host.example.test", ttl=50)],
    b"host.example.test": [
        dns.Record_A("192.0.2.5", ttl=40),
        dns.Record_A("192.0.2.6", ttl=30),
        dns.Record_AAAA("2001:db8::5", ttl=20),
    ],
    b"alias.example.test": [dns.Record_CNAME(b"host.example.test", ttl=10)],
}


class Authority(FileAuthority):  # type: ignore[misc]
    """Knows ``RECORDS``."""

    def loadFile(self, filename: str) -> None:
        """There is no file."""
        self.records = RECORDS
        self.soa = (b"example.test", RECORDS[b"example.test"][0])


class Names:
    """A name server on a port of its own, what it was asked, and our client of it."""

    def __init__(self, reactor: Any, hosts: str = "") -> None:
        self.asked: list[tuple[str, int]] = []
        factory = DNSServerFactory(authorities=[Authority("")])
        answer = factory.handleQuery

        def listen_in(message: Any, protocol: Any, address: Any) -> Any:
            self.asked += [(str(query.name), query.type) for query in message.queries]
            return answer(message, protocol, address)

        factory.handleQuery = listen_in
        protocol = dns.DNSDatagramProtocol(factory, reactor=reactor)
        self._port = reactor.listenUDP(0, protocol, interface="127.0.0.1")
        self.dns = NamesDns(reactor, [("127.0.0.1", self._port.getHost().port)], hosts)

    async def stop(self) -> None:
        """Free the port."""
        await self._port.stopListening()


def uri(text: str) -> SipUri:
    """A SIP URI."""
    parsed = parse_uri(text.encode())
    assert isinstance(parsed, SipUri)
    return parsed


@on_reactor
def test_each_type_is_read(make: Make) -> None:
    """With the least TTL of its records; names in lower case; CNAME followed."""

    async def play(reactor: Any) -> None:
        names = Names(reactor)
        ask = names.dns
        naptr = Naptr(10, 20, "s", "SIP+D2U", "", "_sip._udp.example.test")
        assert await ask.naptr("example.test") == Answer((naptr,), 60)
        srv = Srv(1, 2, 5070, "host.example.test")
        assert await ask.srv("_sip._udp.example.test") == Answer((srv,), 50)
        assert await ask.addresses("host.example.test", 4) == Answer(("192.0.2.5", "192.0.2.6"), 30)
        assert await ask.addresses("host.example.test", 6) == Answer(("2001:db8::5",), 20)
        alias = await ask.addresses("alias.example.test", 4)
        assert alias.records == ("192.0.2.5", "192.0.2.6")
        await names.stop()

    perform(make, play)


@on_reactor
def test_nothing_is_an_answer(make: Make) -> None:
    """No such name, or no record of the type: none, for as long as the SOA says (RFC 2308 5)."""

    async def play(reactor: Any) -> None:
        names = Names(reactor)
        assert await names.dns.addresses("nobody.example.test", 4) == Answer((), NEGATIVE_TTL)
        assert await names.dns.srv("host.example.test") == Answer((), 17)
        await names.stop()

    perform(make, play)


@on_reactor
def test_a_silent_server_is_a_failure(make: Make) -> None:
    """Soon enough for the budget of the resolver."""

    async def play(reactor: Any) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            ask = NamesDns(reactor, [silent.getsockname()], hosts="")
            with pytest.raises(ResolveFailed):
                await ask.srv("_sip._udp.example.test")
            await turn(reactor)  # the client frees its port

    perform(make, play)


@on_reactor
def test_a_uri_is_located(make: Make) -> None:
    """All the way of RFC 3263; MX is never asked although there is one. [T04] [T05] [E03]"""

    async def play(reactor: Any) -> None:
        names = Names(reactor)
        resolver = Resolver(names.dns, reactor, uniform=lambda: 0.0)
        expected = [
            Hop("UDP", "2001:db8::5", 5070),
            Hop("UDP", "192.0.2.5", 5070),
            Hop("UDP", "192.0.2.6", 5070),
        ]
        assert await resolver.locate(uri("sip:bob@example.test")) == expected
        assert sorted(names.asked) == [
            ("_sip._udp.example.test", dns.SRV),
            ("example.test", dns.NAPTR),
            ("host.example.test", dns.A),
            ("host.example.test", dns.AAAA),
        ]
        await names.stop()

    perform(make, play)


@on_reactor
def test_the_hosts_file_is_read_first(make: Make, tmp_path: Path) -> None:
    """Nobody is asked for the names in it."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost box\n::1 localhost\n")

    async def play(reactor: Any) -> None:
        names = Names(reactor, str(hosts))
        assert (await names.dns.addresses("localhost", 4)).records == ("127.0.0.1",)
        assert (await names.dns.addresses("localhost", 6)).records == ("::1",)
        assert names.asked == []
        await names.stop()

    perform(make, play)


def test_importing_installs_no_reactor() -> None:
    """Not even when it is used: the reactor is an argument."""
    program = (
        "import sys, sipapp.transport.names, twisted.names.client, twisted.names.hosts\n"
        "sys.exit('twisted.internet.reactor' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
