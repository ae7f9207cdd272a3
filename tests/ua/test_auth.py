"""`sipapp.ua.auth`: challenges, right answers, and what a stranger learns: nothing."""

from __future__ import annotations

import pytest

from sipapp.errors import UsageError
from sipapp.message.algorithm import Algorithm
from sipapp.message.uri import parse_uri
from sipapp.ua.account import Account
from sipapp.ua.auth import Authenticated, AuthPolicy, Challenged, Forbidden
from tests.ua.asking import PASSWORD, REALM, Phone, World, outcome


@pytest.fixture
def world() -> World:
    """A server with the default policy."""
    return World()


@pytest.fixture
def phone(world: World) -> Phone:
    """Alice's, who registers."""
    return Phone(world)


def account(world: World, username: str, realm: str = REALM) -> Account:
    """The account of somebody who has one."""
    found = world.accounts.find(username, realm)
    assert found is not None
    return found


class ChallengeTests:
    """What goes out to whom we don't know yet (RFC 3261 22.2, 22.3; RFC 8760 2.3)."""

    def test_register_is_challenged_with_401(self, phone: Phone) -> None:
        """One line per algorithm, the preferred one on top, the same nonce in all."""
        nonce = "AQBrSdIAALw0puhrX5NrRC3UvJMvVk6k8uTOnfAH"
        assert phone.ask() == Challenged(
            401,
            [
                (
                    "WWW-Authenticate",
                    f'Digest realm="example.com", nonce="{nonce}", algorithm=SHA-256, '
                    'qop="auth"'.encode(),
                ),
                (
                    "WWW-Authenticate",
                    f'Digest realm="example.com", nonce="{nonce}", algorithm=MD5, '
                    'qop="auth"'.encode(),
                ),
            ],
            stale=False,
        )

    def test_other_requests_are_challenged_with_407(self, phone: Phone) -> None:
        """A proxy asks with its own status and header field."""
        phone.method = "INVITE"
        verdict = phone.ask()
        assert isinstance(verdict, Challenged)
        assert (verdict.status, {name for name, _ in verdict.headers}) == (
            407,
            {"Proxy-Authenticate"},
        )

    def test_policy_decides_algorithms_and_integrity(self) -> None:
        """MD5 can be switched off, ``auth-int`` offered."""
        policy = AuthPolicy((REALM,), (Algorithm.SHA_256,), offer_integrity=True)
        verdict = Phone(World(policy)).ask()
        assert isinstance(verdict, Challenged)
        assert [value.partition(b"algorithm=")[2] for _, value in verdict.headers] == [
            b'SHA-256, qop="auth,auth-int"'
        ]

    @pytest.mark.parametrize(
        ("method", "from_", "to", "realm"),
        [
            ("REGISTER", "sip:x@elsewhere.net", "sip:alice@EXAMPLE.org", "example.org"),
            ("REGISTER", "sip:x@example.org", "sip:alice@elsewhere.net", "example.com"),
            ("INVITE", "sip:alice@example.org", "sip:x@example.com", "example.org"),
            ("INVITE", "sip:anonymous@anonymous.invalid", "sip:x@example.org", "example.com"),
            ("INVITE", "tel:+49301", "sip:x@example.org", "example.com"),
        ],
    )
    def test_realm_is_the_domain_claimed(
        self, phone: Phone, method: str, from_: str, to: str, realm: str
    ) -> None:
        """Of the address to register, or of the caller; the first domain for anybody else."""
        phone.method = method
        verdict = phone.ask(from_=from_, to=to)
        assert isinstance(verdict, Challenged)
        assert {value.split(b'"')[1].decode() for _, value in verdict.headers} == {realm}

    def test_there_must_be_a_realm(self) -> None:
        """Without a domain nobody has an account."""
        with pytest.raises(UsageError):
            World(AuthPolicy(()))


class AnswerTests:
    """Right answers (RFC 7616 3.4, RFC 8760 2.6)."""

    @pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
    @pytest.mark.parametrize("qop", ["auth", "auth-int", None])
    @pytest.mark.parametrize("method", ["REGISTER", "INVITE", "MESSAGE"])
    def test_right_answer_is_accepted(
        self, world: World, phone: Phone, algorithm: str, qop: str | None, method: str
    ) -> None:
        """With every algorithm and protection, with a body and without."""
        phone.method = method
        phone.body = b"" if method == "REGISTER" else b"hello"
        value = phone.answer(phone.nonce(), algorithm=algorithm, qop=qop)
        assert phone.ask(value) == Authenticated(account(world, "alice"))

    def test_user_hash_is_accepted(self, phone: Phone) -> None:
        """The name may come hashed with the same algorithm (RFC 7616 3.4.4)."""
        for algorithm in ("MD5", "SHA-256"):
            hidden = Algorithm(algorithm).hash(b"alice:example.com")
            verdict = phone.enter(algorithm=algorithm, username=hidden, extra=", userhash=true")
            assert outcome(verdict) == "sip:alice@example.com"

    def test_same_name_in_another_domain_is_another_user(self, world: World) -> None:
        """The realm is part of the identity."""
        phone = Phone(world, realm="example.org")
        assert phone.enter() == Authenticated(account(world, "alice", "example.org"))

    def test_right_line_is_found_among_others(self, phone: Phone) -> None:
        """Credentials for other proxies, of other schemes, even broken ones, do not matter."""
        right = phone.answer(phone.nonce())
        foreign = right.replace('realm="example.com"', 'realm="elsewhere.net"')
        verdict = phone.ask("Basic YTpi", "Digest broken", foreign, right)
        assert outcome(verdict) == "sip:alice@example.com"

    def test_count_goes_on_with_one_nonce(self, phone: Phone) -> None:
        """A client that counts needs no new challenge for its next request (RFC 7616 3.4)."""
        nonce = phone.nonce()
        answers = [phone.answer(nonce, nc=f"{count:08x}") for count in (1, 2, 3, 17)]
        assert {outcome(phone.ask(value)) for value in answers} == {"sip:alice@example.com"}

    @pytest.mark.parametrize(
        ("meant", "actual"),
        [
            ("sip:example.com", "sip:EXAMPLE.com"),
            ("sip:example.com", "sip:example.com:5060;transport=udp"),
            ("sip:bob@example.com", "sip:bob@example.com:5070;user=phone"),
            ("sip:example.com", "sip:bob@example.com"),
            ("sip:203.0.113.1:5060", "sip:example.com"),
            ("sip:203.0.113.1", "sip:bob@example.com"),
            ("sips:bob@example.com", "sip:b%6Fb@example.com"),
            ("tel:+1-201", "tel:+1201"),
        ],
    )
    def test_uri_may_be_spelled_another_way(self, phone: Phone, meant: str, actual: str) -> None:
        """Host and user have to agree; without a user any server will do (RFC 8760 2.6)."""
        value = phone.answer(phone.nonce(), uri=meant)
        assert outcome(phone.ask(value, uri=actual)) == "sip:alice@example.com"


class RefusalTests:
    """Answers that prove nothing."""

    @pytest.mark.parametrize(
        "change",
        [
            ('username="alice"', 'username="bob2"'),
            ('username="alice"', 'username="Alice"'),
            ("auth,", "auth-int,"),
            ("nc=00000001", "nc=00000002"),
            ('cnonce="abc"', 'cnonce="abd"'),
            ("algorithm=MD5", "algorithm=MD5-sess"),
            ('realm="example.com"', 'realm="example.org"'),
            ('uri="sip:example.com"', 'uri="sip:EXAMPLE.com"'),
            (", algorithm", ", userhash=true, algorithm"),
        ],
    )
    def test_changed_credentials_are_challenged(
        self, phone: Phone, change: tuple[str, str]
    ) -> None:
        """Every parameter is part of the proof."""
        value = phone.answer(phone.nonce())
        assert change[0] in value
        assert outcome(phone.ask(value.replace(*change, 1))) == "401"

    def test_changed_method_is_challenged(self, phone: Phone) -> None:
        """Credentials of a REGISTER are none for another method."""
        assert outcome(phone.ask(phone.answer(phone.nonce()), method="PUBLISH")) == "401"

    def test_changed_body_is_challenged(self, phone: Phone) -> None:
        """``auth-int`` covers the body, also an empty one (RFC 8760 2.6 item 7)."""
        phone.method = "MESSAGE"
        value = phone.answer(phone.nonce(), qop="auth-int")
        phone.body = b"pay the bearer"
        assert outcome(phone.ask(value)) == "407"

    def test_algorithm_without_stored_hash_is_challenged(self, phone: Phone) -> None:
        """SHA-512-256 was not offered: accounts have no hash for it (RFC 8760 2.3)."""
        assert outcome(phone.enter(algorithm="SHA-512-256")) == "401"

    def test_switched_off_algorithm_is_challenged(self) -> None:
        """Where MD5 is off, a right MD5 answer is none (RFC 8760 3: downgrade)."""
        phone = Phone(World(AuthPolicy((REALM,), (Algorithm.SHA_256,))))
        assert outcome(phone.enter(algorithm="MD5")) == "401"
        assert outcome(phone.enter(algorithm="SHA-256")) == "sip:alice@example.com"

    @pytest.mark.parametrize(
        ("meant", "actual"),
        [
            ("sip:bob@example.com", "sip:eve@example.com"),
            ("sip:bob@example.com", "sip:example.com"),
            ("sip:bob@example.com", "sip:bob@elsewhere.net"),
            ("sip:bob@203.0.113.1", "sip:eve@example.com"),
            ("tel:+1201", "tel:+1900"),
            ("tel:+1201", "sip:+1201@example.com"),
            ("not a uri", "sip:example.com"),
        ],
    )
    def test_other_target_is_malformed(self, phone: Phone, meant: str, actual: str) -> None:
        """Nobody on the way can send the request elsewhere in her name (RFC 7616 3.4.6)."""
        value = phone.answer(phone.nonce(), uri=meant)
        assert outcome(phone.ask(value, uri=actual)) == "400"

    def test_replay_is_stale(self, world: World, phone: Phone) -> None:
        """The same credentials again, from the same address and another port or host (A3)."""
        value = phone.answer(phone.nonce())
        request = phone.request(value)
        found = [
            outcome(world.subject.check(request, world.flow(host, port), proxy=False))
            for host, port in [
                ("192.0.2.1", 5060),
                ("192.0.2.1", 5060),
                ("192.0.2.1", 40000),
                ("198.51.100.9", 5060),
            ]
        ]
        assert found == ["sip:alice@example.com", "401 stale", "401 stale", "401 stale"]

    def test_first_use_from_another_address_is_stale(self, world: World, phone: Phone) -> None:
        """Who overhears an answer can't be faster with it from elsewhere (A3, A4)."""
        value = phone.answer(phone.nonce())
        phone.host = "198.51.100.9"
        assert outcome(phone.ask(value)) == "401 stale"

    def test_source_may_be_left_unbound(self) -> None:
        """Behind proxies the address of the previous hop says nothing about the user."""
        phone = Phone(World(AuthPolicy((REALM,), bind_source=False)))
        value = phone.answer(phone.nonce())
        phone.host = "198.51.100.9"
        assert outcome(phone.ask(value)) == "sip:alice@example.com"

    def test_old_phone_gets_one_use(self, phone: Phone) -> None:
        """Without a count a nonce is good once; the phone is told that it is stale (RFC 2069)."""
        value = phone.answer(phone.nonce(), qop=None)
        assert [outcome(phone.ask(value)) for _ in range(2)] == [
            "sip:alice@example.com",
            "401 stale",
        ]

    def test_expired_nonce_is_stale_in_every_line(self, world: World, phone: Phone) -> None:
        """The client repeats with the new nonce without asking its user (RFC 7616 3.3)."""
        value = phone.answer(phone.nonce())
        world.time += 301
        verdict = phone.ask(value)
        assert isinstance(verdict, Challenged)
        assert [line.endswith(b", stale=true") for _, line in verdict.headers] == [True, True]
        assert outcome(phone.ask(phone.answer(phone.nonce_of(verdict)))) == "sip:alice@example.com"

    @pytest.mark.parametrize("password", [PASSWORD, "wrong"])
    def test_forged_nonce_is_not_stale(self, phone: Phone, password: str) -> None:
        """A nonce of another server: no hint whether the rest was right (A4)."""
        other = Phone(World(secret=b"x" * 32)).nonce()
        phone.password = password
        assert outcome(phone.ask(phone.answer(other))) == "401"

    def test_wrong_answer_does_not_use_the_count_up(self, phone: Phone) -> None:
        """Or a stranger with the highest count would end the session of a user."""
        nonce = phone.nonce()
        stranger = Phone(phone.world, password="wrong")
        assert outcome(stranger.ask(stranger.answer(nonce, nc="ffffffff"))) == "401"
        assert outcome(phone.ask(phone.answer(nonce))) == "sip:alice@example.com"


class IdentityTests:
    """Who one is decides what one may call oneself (hostile.md A12)."""

    @pytest.mark.parametrize(
        ("method", "from_", "to", "expected"),
        [
            ("REGISTER", "sip:alice@example.com", "sip:alice@example.com", "ok"),
            ("REGISTER", "sips:alice@example.com", "sip:alice@Example.com:5060;x=y", "ok"),
            ("REGISTER", "sip:a%6Cice@example.com", "sip:alice@example.com.", "ok"),
            ("REGISTER", "sip:alice@example.com", "sip:bob@example.com", "403"),
            ("REGISTER", "sip:bob@example.com", "sip:alice@example.com", "403"),
            ("REGISTER", "sip:alice@example.com", "sip:example.com", "403"),
            ("REGISTER", "sip:alice@example.com", "tel:+49301", "403"),
            ("INVITE", "sip:alice@example.com", "sip:bob@example.com", "ok"),
            ("INVITE", "sip:bob@example.com", "sip:bob@example.com", "403"),
            ("INVITE", "sip:alice@elsewhere.net", "sip:bob@example.com", "403"),
            ("INVITE", "tel:+49301", "sip:bob@example.com", "403"),
            ("INVITE", "sip:anonymous@anonymous.invalid", "sip:bob@example.com", "ok"),
            ("REGISTER", "sip:anonymous@anonymous.invalid", "sip:alice@example.com", "403"),
        ],
    )
    def test_only_ones_own_name(
        self, phone: Phone, method: str, from_: str, to: str, expected: str
    ) -> None:
        """From, and To of a REGISTER, are the user's own or anonymous (RFC 3323 4.1.1.3)."""
        phone.method = method
        value = phone.answer(phone.nonce())
        verdict = outcome(phone.ask(value, from_=from_, to=to))
        assert verdict.replace("sip:alice@example.com", "ok") == expected

    def test_forbidden_names_the_account(self, world: World, phone: Phone) -> None:
        """So that an operator can see who tried."""
        value = phone.answer(phone.nonce())
        verdict = phone.ask(value, to="sip:bob@example.com")
        assert verdict == Forbidden(account(world, "alice"))

    def test_identity_may_be_left_alone(self) -> None:
        """A gateway calls in the name of others."""
        phone = Phone(World(AuthPolicy((REALM,), own_identity=False)))
        phone.method = "INVITE"
        value = phone.answer(phone.nonce())
        assert outcome(phone.ask(value, from_="tel:+49301")) == "sip:alice@example.com"

    def test_address_domains_match(self, world: World) -> None:
        """An account in the domain ``[2001:db8::1]`` owns addresses in whatever spelling."""
        world.accounts.add("eve", "[2001:db8::1]", "p")
        eve = account(world, "eve", "[2001:db8::1]")
        assert world.subject.authorised_for(eve, parse_uri(b"sip:eve@[2001:DB8:0::1]:5060"))
        assert not world.subject.authorised_for(eve, parse_uri(b"sip:eve@[2001:db8::2]"))


class OwnCredentialsTests:
    """What has served its purpose goes no further (RFC 3261 22.3)."""

    def test_those_for_our_realms_are_taken_away(self, world: World, phone: Phone) -> None:
        """Others stay, in their order, whatever their scheme; so does everything else."""
        phone.method = "INVITE"
        other = 'Digest username="alice", realm="example.net", nonce="n", uri="sip:b", response="0"'
        own = phone.answer(phone.nonce())
        request = phone.request(
            other, own, own.replace(f'realm="{REALM}"', 'REALM = "EXAMPLE.ORG"')
        )
        before = len(request.headers.lines)
        world.subject.take_own(request)
        assert request.headers.get_all("Proxy-Authorization") == [other.encode()]
        assert len(request.headers.lines) == before - 2

    def test_a_count_in_upper_case(self, phone: Phone) -> None:
        """RFC 7616 3.3 wants lower case; the hash is over what was sent."""
        nonce = phone.nonce()
        assert outcome(phone.ask(phone.answer(nonce, nc="0000000A"))) == "sip:alice@example.com"
        assert outcome(phone.ask(phone.answer(nonce, nc="0000000a"))) == "401 stale"
