r"""Listen strings: where the server listens, in the syntax of Twisted's endpoint strings.

``udp:5060:interface=127.0.0.1`` is a transport, a port, then ``key=value`` parts, joined by
colons. A backslash takes the special meaning from a colon, a pair of brackets does so for an IPv6
address: ``interface=\:\:1`` and ``interface=[::1]`` are the same. Twisted itself knows no ``udp:``,
hence this reader of our own.

``advertise=HOST`` or ``advertise=HOST:PORT`` is what peers see in Via and Record-Route when the
server sits behind a NAT or a load balancer: sent-by is a name that reaches us, not the address of
a socket (RFC 3261 18.1.1).
"""

from __future__ import annotations

__all__ = ["ListenAddress", "ListenStringError", "is_host", "is_loopback", "parse_listen"]

import re
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

_TRANSPORTS = ("udp", "tcp")
# Known to the world, absent from this version: they deserve a better answer than "unknown".
_LATER = ("tls", "ws", "wss")
_KEYS = ("port", "interface", "advertise")
_EXAMPLE = "write it like udp:5060:interface=127.0.0.1"
# RFC 3261 25.1 hostname, with labels of at most 63 characters (RFC 1035 2.3.4).
_HOSTNAME = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?)+\Z")
_PART = re.compile(r"((?:\\.|\[[^\]]*\]|[^:\\])*)(:|\Z)", re.DOTALL)


class ListenStringError(ValueError):
    """A listen string cannot be read.

    Attributes:
        cause: what is wrong, one clause.
        fix: what to write instead, one clause.
    """

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(f"{cause}; {fix}")
        self.cause = cause
        self.fix = fix


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """One address the server listens on.

    Attributes:
        transport: ``"UDP"`` or ``"TCP"``, as Via spells it.
        host: address of the interface, an IP literal without brackets; ``0.0.0.0`` means all.
        port: 0 to 65535; 0 lets the system choose.
        advertised: the (host, port) that Via and Record-Route show instead, or None.
    """

    transport: str
    host: str
    port: int
    advertised: tuple[str, int] | None = None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        text = f"{self.transport.lower()}:{self.port}:interface={_bracketed(self.host)}"
        if self.advertised is None:
            return text
        host, port = self.advertised
        return f"{text}:advertise={_bracketed(host)}:{port}"


def parse_listen(text: str) -> ListenAddress:
    """Read one listen string.

    Args:
        text: for example ``udp:5060:interface=127.0.0.1:advertise=sip.example.com``; without
            ``interface`` the server listens on every IPv4 interface.
    Raises:
        ListenStringError: with the cause and the fix, one clause each.
    """
    transport, *parts = _split(text)
    _check_transport(transport)
    options = _options(parts)
    host = _interface(options.get("interface", "0.0.0.0"))
    if "port" not in options:
        raise ListenStringError(f"{text!r} names no port", _EXAMPLE)
    port = _port(options["port"])
    advertised = _advertised(options["advertise"], port) if "advertise" in options else None
    return ListenAddress(transport.upper(), host, port, advertised)


def is_host(text: str) -> bool:
    """Whether ``text`` is a host name or an IP literal, the latter without brackets."""
    return _HOSTNAME.match(text) is not None or _is_ip(text)


def is_loopback(host: str) -> bool:
    """Whether ``host`` is an IP literal that never leaves this machine."""
    return _is_ip(host) and ip_address(host).is_loopback


def _split(text: str) -> list[str]:
    """Cut at the colons that neither a backslash nor a brackets pair protects."""
    parts: list[str] = []
    position = 0
    while (found := _PART.match(text, position)) is not None:
        parts.append(found[1])
        position = found.end()
        if not found[2]:
            return parts
    raise ListenStringError(f"{text!r} ends in a backslash", _EXAMPLE)


def _check_transport(name: str) -> None:
    if name in _TRANSPORTS:
        return
    if name in _LATER:
        raise ListenStringError(f"{name}: is not in this version", "listen on udp: or tcp:")
    guess = get_close_matches(name.lower(), _TRANSPORTS, 1)
    fix = f"did you mean {guess[0]}:?" if guess else _EXAMPLE
    raise ListenStringError(f"{name!r} is no transport", fix)


def _options(parts: list[str]) -> dict[str, str]:
    """Name every part; the first bare one is the port, digits after ``advertise=`` are its."""
    options: dict[str, str] = {}
    previous = ""
    for index, part in enumerate(parts):
        name, equals, value = part.partition("=")
        if equals:
            _add_option(options, name, _unescape(value))
        elif previous == "advertise" and part.isdigit():
            options["advertise"] += f":{part}"
        elif index == 0:
            _add_option(options, "port", part)
        elif not part:
            fix = "put brackets around an IPv6 address: interface=[::1]"
            raise ListenStringError("two colons stand side by side", fix)
        else:
            raise ListenStringError(f"{part!r} is not key=value", _EXAMPLE)
        previous = name if equals else ""
    return options


def _add_option(options: dict[str, str], name: str, value: str) -> None:
    if name not in _KEYS:
        guess = get_close_matches(name, _KEYS, 1)
        fix = f"did you mean {guess[0]}=?" if guess else f"known are {', '.join(_KEYS)}"
        raise ListenStringError(f"{name!r} is no option of a listener", fix)
    if name in options:
        raise ListenStringError(f"{name} is given twice", "keep one of them")
    options[name] = value


def _unescape(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)


def _interface(value: str) -> str:
    host = _bare(value)
    if not _is_ip(host):
        raise ListenStringError(
            f"interface {value!r} is no IP address",
            "use the address of the interface, 0.0.0.0 for all",
        )
    return str(ip_address(host))


def _port(value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) <= 65535):
        raise ListenStringError(f"{value!r} is no port", "use a number from 0 to 65535")
    return int(value)


def _advertised(value: str, port: int) -> tuple[str, int]:
    host, colon, digits = value.rpartition(":")
    # An IPv6 literal without brackets has colons of its own: then there is no port.
    if not colon or _is_ip(value) or value.endswith("]"):
        host, digits = value, str(port)
    host = _bare(host)
    if not is_host(host):
        raise ListenStringError(
            f"advertise={value} names no host", "use a host name or an IP address"
        )
    return host, _port(digits)


def _bare(host: str) -> str:
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_ip(text: str) -> bool:
    try:
        IPv6Address(text) if ":" in text else IPv4Address(text)
    except AddressValueError:
        return False
    return True
