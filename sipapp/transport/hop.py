"""Where a message goes, and where we listen: two values without behaviour of their own."""

from __future__ import annotations

__all__ = ["Address", "Hop", "Listener", "default_port", "host_port"]

from dataclasses import dataclass

#: (host text without brackets, port). IPv6 hosts in the form of RFC 5952.
Address = tuple[str, int]

_DEFAULT_PORTS = {"TLS": 5061, "WS": 80, "WSS": 443}


def default_port(transport: str) -> int:
    """The port meant when none is written: 5060, 5061 for TLS, 80 and 443 for WebSocket.

    RFC: 3261 18.1.1 and 19.1.2, 7118 5.
    """
    return _DEFAULT_PORTS.get(transport, 5060)


def host_port(host: str, port: int) -> str:
    """``host:port`` as a sent-by or a URI spells it, an IPv6 host in brackets.

    RFC: 3261 25.1 (``hostport``), 5954.
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class Hop:
    """One place that RFC 3263 gave to try: a transport and a numeric address.

    Attributes:
        transport: as Via spells it, "UDP" "TCP" "TLS" "WS" "WSS".
        host: numeric address, never a name: nothing below the resolver asks DNS.
        port: 1 to 65535.
        name: the domain that the certificate of a TLS peer must prove (RFC 5922); empty on
            clear transports, so that hops of those compare by address alone.
    """

    transport: str
    host: str
    port: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Listener:
    """An address that we receive on.

    Attributes:
        transport: as Via spells it.
        host: numeric address of an interface, "0.0.0.0" or "::" for all of one family.
        port: 0 lets the system choose.
        advertised: what Via and Record-Route say instead of host and port: a name in DNS, or
            the public side of a NAT.
    """

    transport: str
    host: str
    port: int
    advertised: Address | None = None
