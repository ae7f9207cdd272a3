"""`sipapp.ua.auth` against strangers: broken credentials, enumeration, guessing."""

from __future__ import annotations

import gc
import sys
from types import FrameType
from typing import Any

import pytest

from sipapp.message.algorithm import Algorithm
from sipapp.message.message import Request
from sipapp.ua.auth import Challenged, Malformed
from tests.ua.asking import PASSWORD, Phone, World, outcome


@pytest.fixture
def world() -> World:
    """A server with the default policy."""
    return World()


@pytest.fixture
def phone(world: World) -> Phone:
    """Alice's, who registers."""
    return Phone(world)


MALFORMED = [
    'Digest username="alice", realm="example.com", nonce="3',
    "Digest",
    "Digest ",
    "Digest ,",
    "Digest uses: 60",
    'Digest a a="",real',
    'Digest username="',
    'Digest username="a',
    "Digest username=a=b=c",
    'Digest username="a",username="b"',
    'Digest username="alice", realm="example.com", nonce="N", uri="sip:x", response="z"',
    'Digest username="alice\\\\", realm="example.com", nonce="x\\\\", uri="sip:x", response="z"',
    "Digest " + "k=v," * 3000,
    "Digest " + '"' * 5001,
    f'Digest username="alice", realm="example.com", nonce="{"n" * 40000}", uri="sip:x", '
    f'response="{"0" * 32}"',
    f'Digest username="{"u" * 40000}", realm="example.com", nonce="x", uri="sip:x", '
    f'response="{"0" * 32}"',
    'Digest username="alice", realm="example.com", nonce="x", uri="sip:x", '
    f'response="{"0" * 32}", qop=auth-int, nc=zzzz, cnonce=""',
    'Digest username="alice", realm="example.com", nonce="x", uri="sip:x", '
    f'response="{"0" * 32}", qop=, nc=, cnonce=',
    f'Digest username="alice@@@@", realm="example.com", nonce="x", uri="sip:x", '
    f'response="g{"g" * 31}"',
]

MEANINGLESS = [
    "Basic YTpi",
    "NoOneKnows x=y",
    'Digest username="alice", realm="example.com", nonce="", uri="", response=""',
    f'Digest username="alice", realm="other", nonce="x", uri="sip:x", response="{"0" * 32}"',
    'Digest username="\' OR 1=1 --", realm="example.com", nonce="x", uri="sip:x", '
    f'response="{"0" * 32}"',
    'Digest username="alice", realm="example.com", nonce="x", uri="sip:x", '
    f'response="{"0" * 32}", algorithm=SHA-999',
    'Digest username="../../etc/passwd", realm="example.com", nonce="x", uri="sip:x", '
    f'response="{"0" * 32}"',
]


class HostileTests:
    """Whatever stands in the header, there is an answer, and it costs no more than it should."""

    @pytest.mark.parametrize("value", MALFORMED, ids=range(len(MALFORMED)))
    def test_broken_credentials_are_malformed(self, phone: Phone, value: str) -> None:
        """400, never an exception (RFC 7616 3.4)."""
        assert isinstance(phone.ask(value), Malformed)

    @pytest.mark.parametrize("value", MEANINGLESS, ids=range(len(MEANINGLESS)))
    def test_meaningless_credentials_are_challenged(self, phone: Phone, value: str) -> None:
        """Of another scheme, realm or algorithm, or with a nonce that was never ours."""
        assert outcome(phone.ask(value)) == "401"

    def test_many_lines_are_not_all_read(self, phone: Phone) -> None:
        """The ninth line is beyond what anybody needs."""
        right = phone.answer(phone.nonce())
        foreign = right.replace('realm="example.com"', 'realm="elsewhere.net"')
        assert outcome(phone.ask(*[foreign] * 49, right)) == "401"
        assert outcome(phone.ask(*[foreign] * 7, right)) == "sip:alice@example.com"

    def test_long_name_with_a_good_nonce_is_malformed(self, phone: Phone) -> None:
        """No table of ours remembers a name of any length (E12)."""
        phone.username = "u" * 257
        value = phone.answer(phone.nonce())
        assert isinstance(
            phone.ask(value, from_="sip:a@example.com", to="sip:a@example.com"), Malformed
        )

    @pytest.mark.parametrize("octets", ["\udcff\udcfe", "é", "\ufeff", "\\a"])
    def test_any_octets_may_be_a_name(self, phone: Phone, octets: str) -> None:
        """What is no name is nobody's."""
        value = phone.answer(phone.nonce()).replace('"alice"', f'"{octets}"')
        assert outcome(phone.ask(value)) in ("400", "401")

    @pytest.mark.parametrize("broken", ["<sip:alice@", "sip:a b@c", "<>"])
    def test_broken_identity_is_malformed(self, phone: Phone, broken: str) -> None:
        """From and To are read before anybody is asked anything."""
        request = phone.request()
        request.set_header("To", broken.encode())
        assert isinstance(phone.world.ask(request), Malformed)


class EnumerationTests:
    """A stranger can't tell who has an account (hostile.md A1, A2)."""

    @pytest.mark.parametrize("username", ["bob", "dora", "nobody", "n" * 200])
    @pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
    @pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
    def test_wrong_password_and_unknown_user_get_the_same_octets(
        self, username: str, algorithm: str, method: str
    ) -> None:
        """Known, disabled or unknown: the whole answer is equal, nonce included, given equal
        time and randomness.
        """
        answers = []
        for name in ("alice", username):
            phone = Phone(World(), name, "wrong")
            phone.method = method
            first = phone.ask()
            value = phone.answer(Phone.nonce_of(first), algorithm=algorithm)
            answers.append((first, phone.ask(value)))
        assert answers[0] == answers[1]
        assert isinstance(answers[0][1], Challenged)

    @pytest.mark.parametrize("username", ["bob", "dora", "nobody"])
    @pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
    def test_wrong_password_and_unknown_user_cost_the_same_work(
        self, username: str, algorithm: str
    ) -> None:
        """The very same calls in the same order, hashes included, by Python's own profiler."""
        traces = []
        for name in ("alice", username):
            phone = Phone(World(), name, "wrong")
            request = phone.request(phone.answer(phone.nonce(), algorithm=algorithm))
            flow = phone.world.flow()
            phone.world.subject.check(phone.request(), flow, proxy=False)  # fills no cache later
            traces.append(calls_of(phone.world, request))
        assert traces[0] == traces[1]
        assert traces[0].count("new") == 2

    def test_dora_is_disabled(self, world: World) -> None:
        """Even her right password is answered like a wrong one."""
        assert outcome(Phone(world, "dora").enter()) == "401"


def calls_of(world: World, request: Request) -> list[str]:
    """The names of all functions that checking a request calls, in order."""
    names: list[str] = []
    flow = world.flow()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            names.append(frame.f_code.co_name)
        elif event == "c_call":
            names.append(argument.__name__)

    gc.disable()  # it has callbacks (Hypothesis sets one), which would be noted as well
    sys.setprofile(note)
    try:
        world.subject.check(request, flow, proxy=False)
    finally:
        sys.setprofile(None)
        gc.enable()
    return names


class GuessingTests:
    """Ten wrong passwords a minute (hostile.md A5); the table itself: test_guesses.py."""

    def test_right_password_is_not_looked_at_after_ten_wrong_ones(self, world: World) -> None:
        """The guesser who finds it on the eleventh try does not learn so."""
        found = [
            outcome(Phone(world, password=password).enter())
            for password in [*["wrong"] * 10, PASSWORD]
        ]
        assert found == ["401"] * 11
        world.time += 6
        assert outcome(Phone(world).enter()) == "sip:alice@example.com"

    def test_brake_is_not_visible(self) -> None:
        """The answer beyond the limit is the answer below it, octet for octet."""
        worlds = World(), World()
        for _ in range(10):
            Phone(worlds[0], password="wrong").enter()
            Phone(worlds[1]).nonce(), Phone(worlds[1]).nonce()
        answers = [Phone(world, password="wrong").enter() for world in worlds]
        assert answers[0] == answers[1]

    def test_registered_user_goes_on_while_others_guess(self, world: World) -> None:
        """Her refresh from where she has been before works in the middle of an attack."""
        assert outcome(Phone(world).enter()) == "sip:alice@example.com"
        for host in range(20):
            Phone(world, password="wrong", host=f"198.51.100.{host}").enter()
            Phone(world, "bob", "wrong").enter()
        assert outcome(Phone(world, host="198.51.100.99").enter()) == "401"
        assert outcome(Phone(world).enter()) == "sip:alice@example.com"

    def test_hashed_and_plain_names_share_a_bucket(self, world: World) -> None:
        """Hiding the name gives no further guesses."""
        phone = Phone(world, password="wrong")
        hidden = Algorithm.MD5.hash(b"alice:example.com")
        for _ in range(5):
            phone.enter()
            phone.enter(username=hidden, extra=", userhash=true")
        elsewhere = Phone(world, host="198.51.100.1")
        assert outcome(elsewhere.enter()) == "401"


def test_broken_credentials_are_freed_at_once(phone: Phone) -> None:
    """Not when the cycle collector comes by: the traceback of an error holds the request."""
    gc.collect()
    gc.disable()
    try:
        assert isinstance(phone.ask(MALFORMED[0]), Malformed)
        assert gc.collect() == 0
    finally:
        gc.enable()
