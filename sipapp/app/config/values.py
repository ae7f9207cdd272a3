"""The configuration as frozen values: every key, its default, bounds and words, in one place.

Reading order: ``Config`` at the end, then the sections above it. Each field carries a ``Key``;
the commented file of ``sipapp init``, the reference page, the validator and
``sipapp check --show`` are all made from it.
"""

from __future__ import annotations

__all__ = [
    "Config",
    "Digest",
    "Key",
    "Limits",
    "ProxySettings",
    "RegistrarSettings",
    "TimerSettings",
    "keys",
]

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType

from sipapp.app.config.readers import (
    Choice,
    Domain,
    Folder,
    Listen,
    ListOf,
    Number,
    Reader,
    SipUriText,
    Store,
    Switch,
    Text,
)
from sipapp.app.config.store_address import StoreAddress
from sipapp.app.endpoint_strings import ListenAddress


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the configuration.

    Attributes:
        path: section and name, or the name alone at the top level.
        default: the value when nobody gives one.
        reader: its type and bounds.
        doc: one or two sentences for the operator.
        sample: how ``sipapp init`` writes the value, as TOML.
    """

    path: tuple[str, ...]
    default: object
    reader: Reader
    doc: str
    sample: str

    @property
    def name(self) -> str:
        """The dotted name, ``registrar.min_expires``."""
        return ".".join(self.path)


def _about(reader: Reader, sample: str, doc: str) -> Mapping[str, object]:
    """Everything about a key that its default does not say."""
    return {"reader": reader, "sample": sample, "doc": doc}


def _seconds(least: float, most: float) -> Number:
    return Number(least, most, "seconds")


def _whole_seconds(least: int, most: int) -> Number:
    return Number(least, most, "seconds", whole=True)


def _count(least: int, most: int) -> Number:
    return Number(least, most, whole=True)


_DAY = 86_400
_WEEK = 7 * _DAY


@dataclass(frozen=True, slots=True)
class Digest:
    """How users prove who they are (RFC 7616, RFC 8760)."""

    algorithms: tuple[str, ...] = field(
        default=("MD5",),
        metadata=_about(
            ListOf(Choice(("SHA-256", "MD5")), least=1),
            '["SHA-256", "MD5"]',
            "Algorithms to challenge with, the preferred one first. Some phones give up when they "
            "are offered one they do not know, so SHA-256 is for those who know their phones.",
        ),
    )
    nonce_lifetime: float = field(
        default=300.0,
        metadata=_about(
            _seconds(10, _DAY),
            "300",
            "How long a nonce may be used before the client is told that it is stale.",
        ),
    )


@dataclass(frozen=True, slots=True)
class TimerSettings:
    """Base values of the transaction timers (RFC 3261 17, table 4)."""

    t1: float = field(
        default=0.5,
        metadata=_about(
            _seconds(0.05, 10),
            "0.5",
            "Estimate of the round trip. Timers B, F and H are 64 times this.",
        ),
    )
    t2: float = field(
        default=4.0,
        metadata=_about(_seconds(0.05, 60), "4", "Longest pause between retransmissions."),
    )
    t4: float = field(
        default=5.0,
        metadata=_about(_seconds(0.05, 60), "5", "How long a message may live in the network."),
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps. Without them a stranger decides how much memory the server uses."""

    message_bytes: int = field(
        default=65_535,
        metadata=_about(
            Number(2_048, 1_048_576, "bytes", whole=True),
            "65535",
            "Largest message accepted on a stream; a larger one is answered 513.",
        ),
    )
    connections: int = field(
        default=10_000,
        metadata=_about(
            _count(1, 1_000_000), "10000", "Most stream connections open at the same time."
        ),
    )
    connections_per_address: int = field(
        default=100,
        metadata=_about(
            _count(1, 1_000_000), "100", "Most stream connections from one IP address."
        ),
    )
    connection_idle: float = field(
        default=900.0,
        metadata=_about(
            _seconds(10, _DAY), "900", "A connection that brought nothing for so long is closed."
        ),
    )
    transactions: int = field(
        default=200_000,
        metadata=_about(
            _count(100, 10_000_000),
            "200000",
            "Most transactions at the same time; above it new requests are answered 503.",
        ),
    )
    application: float = field(
        default=30.0,
        metadata=_about(
            _seconds(1, 180),
            "30",
            "An application that waits for so long, and neither answers nor forwards, loses the "
            "request: 500.",
        ),
    )


@dataclass(frozen=True, slots=True)
class RegistrarSettings:
    """What the registrar grants (RFC 3261 10.3)."""

    min_expires: int = field(
        default=60,
        metadata=_about(
            _whole_seconds(1, _DAY),
            "60",
            "Shortest registration; a shorter wish is answered 423 Interval Too Brief.",
        ),
    )
    default_expires: int = field(
        default=3_600,
        metadata=_about(
            _whole_seconds(1, _WEEK), "3600", "Granted to a phone that names no duration."
        ),
    )
    max_expires: int = field(
        default=7_200,
        metadata=_about(
            _whole_seconds(1, _WEEK), "7200", "Longest registration; a longer wish is cut to it."
        ),
    )
    max_contacts: int = field(
        default=10,
        metadata=_about(_count(1, 1_000), "10", "Most contacts of one address-of-record."),
    )
    service_route: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            ListOf(SipUriText()),
            '["sip:proxy.example.com;lr"]',
            "Proxies that phones are told to send their requests through (RFC 3608).",
        ),
    )


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """How the proxy forwards (RFC 3261 16)."""

    record_route: bool = field(
        default=True,
        metadata=_about(Switch(), "true", "Stay in the path of the later requests of a dialog."),
    )
    stateless: bool = field(
        default=False,
        metadata=_about(
            Switch(), "false", "Forward without transactions: no forking, failover or Timer C."
        ),
    )
    recurse: bool = field(
        default=False,
        metadata=_about(Switch(), "false", "Follow a 3xx answer instead of passing it on."),
    )
    timer_c: float = field(
        default=180.0,
        metadata=_about(
            _seconds(180, _DAY),
            "180",
            "How long a call may ring without news; RFC 3261 16.6 asks for three minutes or more.",
        ),
    )
    max_breadth: int = field(
        default=60,
        metadata=_about(
            _count(1, 60), "60", "Most branches one request may be forked into (RFC 5393)."
        ),
    )
    max_diversions: int = field(
        default=5,
        metadata=_about(
            _count(1, 20), "5", "Most times one call may be forwarded, here and before: then 482."
        ),
    )


_LOOPBACK = (ListenAddress("UDP", "127.0.0.1", 5060), ListenAddress("TCP", "127.0.0.1", 5060))


@dataclass(frozen=True, slots=True)
class Config:
    """Everything an operator can decide. Paths are absolute once loaded.

    Attributes:
        app_sections: the ``[app.NAME]`` tables as written; an application reads its own.
        source: absolute path of the file it came from, if any.
    """

    listen: tuple[ListenAddress, ...] = field(
        default=_LOOPBACK,
        metadata=_about(
            ListOf(Listen(), least=1),
            '["udp:5060:interface=127.0.0.1", "tcp:5060:interface=127.0.0.1"]',
            "Where to listen. Add :advertise=HOST[:PORT] if peers reach you at another address.",
        ),
    )
    domains: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            ListOf(Domain()),
            '["example.com"]',
            "Domains this server is responsible for. None: the addresses it listens on.",
        ),
    )
    apps: tuple[str, ...] = field(
        default=("registrar", "proxy"),
        metadata=_about(
            ListOf(Text("name or module:attribute"), least=1),
            '["registrar", "proxy"]',
            "Applications in the order in which they are asked: installed ones by name,"
            " others as module:attribute.",
        ),
    )
    store: StoreAddress = field(
        default=StoreAddress("sqlite", Path("var/sipapp.sqlite")),
        metadata=_about(
            Store(),
            '"sqlite:var/sipapp.sqlite"',
            "Where registrations and accounts are kept."
            " Without it: sipapp.sqlite in the state folder.",
        ),
    )
    auth: str = field(
        default="digest",
        metadata=_about(
            Choice(("digest", "none")),
            '"digest"',
            'How requests are authenticated. "none" works on loopback listeners only.',
        ),
    )
    outbound_proxy: str | None = field(
        default=None,
        metadata=_about(
            SipUriText(),
            '"sip:proxy.example.com;lr"',
            "Next hop of every request that leaves our domains. Without it: DNS (RFC 3263).",
        ),
    )
    state_dir: Path = field(
        default=Path("var"),
        metadata=_about(
            Folder(),
            '"var"',
            "Folder of the signing secret and the database, relative to this file.",
        ),
    )
    digest: Digest = Digest()
    timers: TimerSettings = TimerSettings()
    limits: Limits = Limits()
    registrar: RegistrarSettings = RegistrarSettings()
    proxy: ProxySettings = ProxySettings()
    app_sections: Mapping[str, Mapping[str, object]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    source: Path | None = None


_DEFAULTS = Config()


def keys(config: Config = _DEFAULTS) -> Iterator[Key]:
    """Walk all keys in the order of the reference: top level first, then section by section.

    Args:
        config: what the defaults are taken from.
    """
    yield from _keys_of(config, ())
    for one in fields(config):
        section = getattr(config, one.name)
        if is_dataclass(section) and not one.metadata:
            yield from _keys_of(section, (one.name,))


def _keys_of(section: object, prefix: tuple[str, ...]) -> Iterator[Key]:
    assert is_dataclass(section)
    for one in fields(section):
        if one.metadata:
            yield Key(path=(*prefix, one.name), default=getattr(section, one.name), **one.metadata)
