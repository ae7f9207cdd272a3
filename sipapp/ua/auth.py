"""Who is asking? Digest authentication as a server does it, and what an account may say it is.

Theory of operation. Nothing is remembered about whoever only asks: the nonce in a challenge
vouches for itself (`sipapp.ua.nonce`). Credentials are then judged in an order in which the
account comes last, so that everything before is the same for all names:

1. the syntax, 400 when it is broken;
2. the nonce: a foreign one gets a new challenge, a used or old one a new challenge that says so;
3. the ``uri``, 400 when it is about another target;
4. the brake on guessing (`sipapp.ua.guesses`): beyond it, a new challenge;
5. the hash, of the account or of a decoy that nobody has the password of.

An unknown user, a disabled one and a wrong password thus run the same code, hash the same
amount and get the same octets back (hostile.md A1, A2).
"""

from __future__ import annotations

__all__ = [
    "Accounts",
    "AuthPolicy",
    "Authenticated",
    "Authenticator",
    "Challenged",
    "Forbidden",
    "Malformed",
    "Verdict",
]

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from sipapp.errors import MessageError, UsageError
from sipapp.message.algorithm import Algorithm
from sipapp.message.digest import Challenge, Credentials, parse_credentials
from sipapp.message.grammar import decode_wire, encode_wire
from sipapp.message.message import Request
from sipapp.message.uri import SipUri, Uri, parse_uri
from sipapp.transport.flow import Flow
from sipapp.ua.account import Account
from sipapp.ua.guesses import Guesses, network_of
from sipapp.ua.nonce import SINGLE_USE, Freshness, Nonces

_MOST_HEADERS: Final = 8
_LONGEST_NAME: Final = 256


class Accounts(Protocol):
    """Where accounts are looked up; both calls answer from memory."""

    def find(self, username: str, realm: str) -> Account | None:
        """Return the account called ``username`` in the domain ``realm``, enabled or not."""

    def find_hashed(self, digest: str, realm: str) -> Account | None:
        """Return the account whose user hash is ``digest`` (RFC 7616 3.4.4)."""


@dataclass(frozen=True, slots=True)
class AuthPolicy:
    """What an `Authenticator` asks for.

    Attributes:
        realms: the domains that have accounts, lower case, at least one. A request is
            challenged for the domain that it claims to be of, else for the first.
        algorithms: offered in this order (RFC 8760 2.3) and no other accepted; MD5 and SHA-256
            are what accounts have hashes for.
        offer_integrity: offer ``auth-int`` beside ``auth``. It is accepted in any case.
        bind_source: a nonce is good for the network it was issued to. Switch off when a proxy
            in front sends the requests of one user from several addresses.
        own_identity: From, and To of a REGISTER that is for us, must be the user's own address of
            record.
    """

    realms: tuple[str, ...]
    algorithms: tuple[Algorithm, ...] = (Algorithm.SHA_256, Algorithm.MD5)
    offer_integrity: bool = False
    bind_source: bool = True
    own_identity: bool = True


@dataclass(slots=True)
class Authenticated:
    """The request comes from the user of this account."""

    account: Account


@dataclass(slots=True)
class Challenged:
    """Answer with this status and these header fields.

    Attributes:
        status: 401 or 407.
        headers: names and values, the preferred challenge first.
        stale: only the nonce was wrong, the client can repeat without asking the user.
    """

    status: int
    headers: list[tuple[str, bytes]]
    stale: bool


@dataclass(slots=True)
class Forbidden:
    """The user is who he says, and says that he is somebody else as well: 403."""

    status: ClassVar[int] = 403
    account: Account


@dataclass(slots=True)
class Malformed:
    """A field that had to be read is broken: 400.

    Attributes:
        error: never raised, for the traceback of one that is kept holds whole messages in memory.
    """

    status: ClassVar[int] = 400
    error: MessageError


Verdict = Authenticated | Challenged | Forbidden | Malformed


class Authenticator:
    """Judges the credentials of requests.

    RFC: 3261 22, 7616, 8760.

    Args:
        accounts: who there is.
        nonces: issues and judges nonces.
        guesses: limits wrong answers.
        policy: what to ask for.
        random_bytes: gives that many unpredictable octets; for the decoy account.

    Raises:
        UsageError: the policy has no realm.
    """

    def __init__(
        self,
        accounts: Accounts,
        nonces: Nonces,
        guesses: Guesses,
        policy: AuthPolicy,
        *,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        if not policy.realms:
            raise UsageError("authentication needs a realm")
        self._policy = policy
        self._accounts = accounts
        self._nonces = nonces
        self._guesses = guesses
        md5, sha256 = random_bytes(16).hex(), random_bytes(32).hex()
        self._decoy = Account("", "", md5, sha256, enabled=False)
        realms = b"|".join(re.escape(encode_wire(realm)) for realm in policy.realms)
        self._own_realm = re.compile(rb'[,\s]realm\s*=\s*"(?:' + realms + rb')"', re.IGNORECASE)
        self._templates = {realm: self._challenges(realm) for realm in policy.realms}

    def check(self, request: Request, flow: Flow, *, proxy: bool) -> Verdict:
        """Find out who sent a request; never raises.

        Not for ACK and CANCEL, which can't be sent again with credentials (RFC 3261 22.1).

        Args:
            request: as received; the body counts for ``auth-int``.
            flow: where it came from.
            proxy: ask with 407 and Proxy-Authenticate instead of 401 and WWW-Authenticate.
        """
        try:
            return self._check(request, flow, proxy)
        except MessageError as error:
            return Malformed(MessageError(error.field, error.reason, error.status_hint))

    def take_own(self, request: Request) -> None:
        """Take the proxy credentials for our realms away; nobody further on has any use for them.

        RFC: 3261 22.3, which leaves those for other proxies in place.
        """
        headers = request.headers  # not by way of the request: it remembers nothing of these
        values = headers.get_all("Proxy-Authorization")
        headers.remove("Proxy-Authorization")
        for value in values:
            if self._own_realm.search(value) is None:
                headers.add("Proxy-Authorization", value)

    def authorised_for(self, account: Account, uri: Uri) -> bool:
        """Tell whether ``uri`` is the account's own address of record.

        Parameters, port and the scheme sips make no difference (RFC 3261 10.3 step 5, 19.1.1).
        """
        if not isinstance(uri, SipUri):
            return False
        return uri.plain_user == account.username and _domain(uri) == account.domain

    def _check(self, request: Request, flow: Flow, proxy: bool) -> Verdict:
        realm = self._realm(request, proxy)
        source = network_of(flow.remote[0])
        credentials = self._credentials(request, realm, proxy)
        stale = False
        if credentials is not None:
            verdict = self._judge(credentials, request, source)
            if isinstance(verdict, Account):
                return self._admit(verdict, request, proxy)
            stale = verdict is Freshness.STALE
        nonce = self._nonces.issue(realm, self._bound(source))
        return self._challenge(realm, nonce, stale, proxy)

    def _realm(self, request: Request, proxy: bool) -> str:
        """The domain that a request claims to be of: that of the address to register, or From."""
        claimed = request.to if request.method == "REGISTER" and not proxy else request.from_
        uri = claimed.uri
        domain = _domain(uri) if isinstance(uri, SipUri) else ""
        return domain if domain in self._templates else self._policy.realms[0]

    def _credentials(self, request: Request, realm: str, proxy: bool) -> Credentials | None:
        """The first credentials for our realm with an algorithm of ours, if there are any.

        RFC: 3261 22.3, 22.4: others may stand beside them, for other proxies.
        """
        name = "Proxy-Authorization" if proxy else "Authorization"
        if name not in request.headers.names:
            return None
        broken = ""
        for value in request.headers.get_all(name)[:_MOST_HEADERS]:
            try:
                found = parse_credentials(value, name)
            except MessageError as error:
                broken = broken or error.reason
                continue
            if found is None or found.realm != realm:
                continue
            if found.algorithm in self._policy.algorithms and not found.session:
                return found
        if broken:
            raise MessageError(name, broken)
        return None

    def _judge(
        self, credentials: Credentials, request: Request, source: str
    ) -> Account | Freshness:
        """The account of right credentials, else what the nonce is worth."""
        if len(credentials.username) > _LONGEST_NAME:
            raise MessageError("username", "too long")
        nonce, realm = credentials.nonce, credentials.realm
        protection = credentials.protection
        count = SINGLE_USE if protection is None else int(protection.nc, 16)
        freshness = self._nonces.examine(nonce, count, realm, self._bound(source))
        if freshness is not Freshness.FRESH:
            return freshness
        _demand_same_target(credentials, request)
        found = self._find(credentials)
        name = f"{credentials.username if found is None else found.username}@{realm}"
        if not self._guesses.allow(name, source):
            return freshness
        known = found if found is not None and found.enabled else None
        md5 = credentials.algorithm is Algorithm.MD5
        account = known or self._decoy
        secret = account.ha1_md5 if md5 else account.ha1_sha256
        proven = credentials.proves(secret, request.method, request.body)
        if not proven or known is None:
            self._guesses.wrong(name, source)
            return freshness
        self._guesses.right(name, source)
        self._nonces.spend(nonce, count)
        return known

    def _find(self, credentials: Credentials) -> Account | None:
        find = self._accounts.find_hashed if credentials.hashed else self._accounts.find
        return find(credentials.username, credentials.realm)

    def _admit(self, account: Account, request: Request, proxy: bool) -> Verdict:
        """Allow only one's own name in From and, to register here, in To (hostile.md A12)."""
        if not self._policy.own_identity:
            return Authenticated(account)
        claimed = [request.from_.uri]
        if request.method == "REGISTER" and not proxy:
            claimed.append(request.to.uri)
        elif _anonymous(claimed[0]):
            return Authenticated(account)
        own = all(self.authorised_for(account, uri) for uri in claimed)
        return Authenticated(account) if own else Forbidden(account)

    def _bound(self, source: str) -> str:
        return source if self._policy.bind_source else ""

    def _challenges(self, realm: str) -> list[tuple[bytes, bytes]]:
        """What stands before and after the nonce, for each algorithm; the nonce is the same.

        RFC: 7616 3.9.1. One nonce for all: what a phone has understood of the challenges is its
        own affair, and a client that answers the first with MD5 is let in.
        """
        qop = ("auth", "auth-int") if self._policy.offer_integrity else ("auth",)
        texts = [
            encode_wire(str(Challenge(realm, "*", algorithm, qop=qop)))
            for algorithm in self._policy.algorithms
        ]
        return [(before, after) for before, _, after in (text.partition(b"*") for text in texts)]

    def _challenge(self, realm: str, nonce: str, stale: bool, proxy: bool) -> Challenged:
        name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        middle = nonce.encode("ascii")
        end = b", stale=true" if stale else b""
        headers = [(name, b + middle + a + end) for b, a in self._templates[realm]]
        return Challenged(407 if proxy else 401, headers, stale)


def _domain(uri: SipUri) -> str:
    """The host as accounts spell their domain."""
    return f"[{uri.host}]" if ":" in uri.host else uri.host


def _anonymous(uri: Uri) -> bool:
    """Whether a From hides the caller as RFC 3323 4.1.1.3 wants; a user may do that."""
    return isinstance(uri, SipUri) and uri.host == "anonymous.invalid"


def _demand_same_target(credentials: Credentials, request: Request) -> None:
    """Refuse credentials that were made for another target.

    RFC: 7616 3.4.6, 8760 2.6 item 6. Port and parameters may differ. A user has to be the same,
    so that nobody on the way sends the request elsewhere in the user's name. Some clients name
    just the server that they believe to talk to (SIPp its address, where the Request-URI has our
    domain); nonce and realm say already that it is us, so any host will do.
    """
    if credentials.uri == decode_wire(request.raw_uri):
        return
    meant = parse_uri(encode_wire(credentials.uri), "digest uri")
    actual = request.uri
    if not (isinstance(meant, SipUri) and isinstance(actual, SipUri)):
        same = meant.matches(actual)
    elif meant.user is None:
        same = True
    else:
        same = meant.host == actual.host and meant.plain_user == actual.plain_user
    if not same:
        raise MessageError("digest uri", "is not the Request-URI")
