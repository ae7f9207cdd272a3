"""Requests with credentials, made without any code of ours, and an authenticator to ask."""

from __future__ import annotations

__all__ = ["PASSWORD", "REALM", "Phone", "World", "outcome"]

import hashlib
import random
import re

from twisted.internet.task import Clock

from sipapp.message.message import Request
from sipapp.message.parser import parse_message
from sipapp.store.accounts import MemoryAccounts
from sipapp.transport.flow import Flow
from sipapp.transport.later import Later
from sipapp.ua.auth import Authenticated, Authenticator, AuthPolicy, Challenged, Verdict
from sipapp.ua.guesses import Guesses
from sipapp.ua.nonce import Nonces

REALM, PASSWORD = "example.com", "secret"
START = 1_800_000_000.0

_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


class World:
    """An authenticator for example.com and example.org with Alice, Bob and the disabled Dora."""

    def __init__(self, policy: AuthPolicy | None = None, *, secret: bytes = bytes(32)) -> None:
        self.time = START
        self.random = random.Random(3261)
        self.accounts = MemoryAccounts()
        for username, domain in [("alice", REALM), ("bob", REALM), ("alice", "example.org")]:
            self.accounts.add(username, domain, PASSWORD)
        self.accounts.add("dora", REALM, PASSWORD)
        self.accounts.set_enabled("dora", REALM, False)
        self.subject = Authenticator(
            self.accounts,
            Nonces(secret, now=self.now, random_bytes=self.random.randbytes),
            Guesses(now=self.now),
            policy or AuthPolicy((REALM, "example.org")),
            random_bytes=self.random.randbytes,
        )

    def now(self) -> float:
        """Seconds since 1970."""
        return self.time

    def flow(self, host: str = "192.0.2.1", port: int = 5060) -> Flow:
        """A way back to some address."""
        return Flow("UDP", ("203.0.113.1", 5060), (host, port), "203.0.113.1", Later(Clock()))

    def ask(self, request: Request, host: str = "192.0.2.1", *, proxy: bool = False) -> Verdict:
        """Check a request from some address."""
        return self.subject.check(request, self.flow(host), proxy=proxy)


class Phone:
    """A user agent that answers challenges as RFC 7616 says, by its own arithmetic."""

    def __init__(
        self,
        world: World,
        username: str = "alice",
        password: str = PASSWORD,
        *,
        realm: str = REALM,
        host: str = "192.0.2.1",
    ) -> None:
        self.world = world
        self.username = username
        self.password = password
        self.realm = realm
        self.host = host
        self.method = "REGISTER"
        self.uri = f"sip:{realm}"
        self.body = b""

    @property
    def proxy(self) -> bool:
        """Whether it meets a proxy."""
        return self.method != "REGISTER"

    def request(
        self, *values: str, to: str = "", from_: str = "", uri: str = "", method: str = ""
    ) -> Request:
        """A request with a header line for each of these credentials."""
        name = "Proxy-Authorization" if self.proxy else "Authorization"
        own = f"sip:{self.username}@{self.realm}"
        method = method or self.method
        lines = [
            f"{method} {uri or self.uri} SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa",
            f"From: <{from_ or own}>;tag=1",
            f"To: <{to or own}>",
            "Call-ID: 1@192.0.2.1",
            f"CSeq: 1 {method}",
            *[f"{name}: {value}" for value in values],
            f"Content-Length: {len(self.body)}",
        ]
        head = "\r\n".join(lines).encode("utf-8", "surrogateescape")
        message = parse_message(head + b"\r\n\r\n" + self.body)
        assert isinstance(message, Request)
        return message

    def ask(self, *values: str, **parts: str) -> Verdict:
        """Send a request with these credentials."""
        return self.world.ask(self.request(*values, **parts), self.host, proxy=self.proxy)

    def nonce(self) -> str:
        """Ask without credentials, for a fresh nonce."""
        return self.nonce_of(self.ask())

    @staticmethod
    def nonce_of(verdict: Verdict) -> str:
        """The nonce that all challenges of an answer share."""
        assert isinstance(verdict, Challenged)
        (nonce,) = {re.findall(rb'nonce="([^"]*)"', value)[0] for _, value in verdict.headers}
        return str(nonce, "ascii")

    def answer(
        self,
        nonce: str,
        *,
        algorithm: str = "MD5",
        nc: str = "00000001",
        qop: str | None = "auth",
        uri: str = "",
        username: str = "",
        extra: str = "",
    ) -> str:
        """Credentials for a nonce (RFC 7616 3.4.1; RFC 2069 without qop)."""

        def digest(*parts: str | bytes) -> str:
            octets = [p if isinstance(p, bytes) else p.encode() for p in parts]
            return hashlib.new(_HASHES[algorithm], b":".join(octets)).hexdigest()

        uri = uri or self.uri
        ha1 = digest(self.username, self.realm, self.password)
        integrity = [digest(self.body)] if qop == "auth-int" else []
        ha2 = digest(self.method, uri, *integrity)
        proof = digest(ha1, nonce, nc, "abc", qop, ha2) if qop else digest(ha1, nonce, ha2)
        protection = f', qop={qop}, nc={nc}, cnonce="abc"' if qop else ""
        return (
            f'Digest username="{username or self.username}", realm="{self.realm}", '
            f'nonce="{nonce}", uri="{uri}", response="{proof}", algorithm={algorithm}'
            f"{protection}{extra}"
        )

    def enter(self, **how: str) -> Verdict:
        """Ask, and answer the challenge."""
        return self.ask(self.answer(self.nonce(), **how))


def outcome(verdict: Verdict) -> str:
    """A word for a verdict: the user who came in, or the status."""
    if isinstance(verdict, Authenticated):
        return verdict.account.aor
    stale = isinstance(verdict, Challenged) and verdict.stale
    return f"{verdict.status} stale" if stale else str(verdict.status)
