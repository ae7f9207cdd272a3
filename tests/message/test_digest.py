"""`sipapp.message.digest` and `sipapp.message.algorithm`: Digest authentication as arithmetic."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipapp.errors import MessageError
from sipapp.message.digest import (
    Algorithm,
    Challenge,
    Credentials,
    Protection,
    answer,
    equal,
    ha1,
    parse_challenge,
    parse_challenges,
    parse_credentials,
    response,
    session_ha1,
    userhash,
)

# RFC 7616 3.9.1
CREDENTIALS = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html",'
    ' algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001,'
    ' cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{response}",'
    ' opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
MD5 = "8ca523f5e9506fed4657c9700eebdbec"
SHA_256 = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"

# What every credentials need; the cases below add to it, or take away.
LEAST = {
    "username": '"bob"',
    "realm": '"example.com"',
    "nonce": '"n"',
    "uri": '"sip:example.com"',
    "response": f'"{MD5}"',
}


def credentials(**changes: str | None) -> bytes:
    """``LEAST`` with some parameters changed or, if None, taken away."""
    parameters = {name.replace("_", "*"): value for name, value in (LEAST | changes).items()}
    pairs = (f"{name}={value}" for name, value in parameters.items() if value is not None)
    return ("Digest " + ", ".join(pairs)).encode()


def parsed(value: bytes) -> Credentials:
    """Credentials that have to be Digest ones."""
    found = parse_credentials(value)
    assert found is not None
    return found


class VectorTests:
    """The numbers that the RFCs print."""

    @pytest.mark.parametrize(
        ("algorithm", "expected"), [(Algorithm.MD5, MD5), (Algorithm.SHA_256, SHA_256)]
    )
    def test_rfc_7616_md5_and_sha_256(self, algorithm: Algorithm, expected: str) -> None:
        """RFC 7616 3.9.1."""
        found = parsed(CREDENTIALS.format(algorithm=algorithm, response=expected).encode())
        secret = ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")
        wrong = ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle Of Life")
        assert found.proves(secret, "GET")
        assert [found.proves(wrong, "GET"), found.proves(secret, "PUT")] == [False, False]

    def test_rfc_2617(self) -> None:
        """RFC 2617 3.5."""
        secret = ha1(Algorithm.MD5, "Mufasa", "testrealm@host.com", "Circle Of Life")
        nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
        protection = Protection("auth", "00000001", "0a4f113b")
        uri = "/dir/index.html"
        expected = "6629fae49393a05397450978507c4ef1"
        assert response(Algorithm.MD5, secret, "GET", uri, nonce, protection) == expected

    def test_rfc_2069_form(self) -> None:
        """RFC 3261 22.4: servers MUST understand credentials without qop."""
        secret = ha1(Algorithm.MD5, "bob", "biloxi.com", "zanzibar")
        ha2 = hashlib.md5(b"REGISTER:sip:biloxi.com").hexdigest()
        expected = hashlib.md5(f"{secret}:n:{ha2}".encode()).hexdigest()
        assert response(Algorithm.MD5, secret, "REGISTER", "sip:biloxi.com", "n") == expected

    def test_sha_512_256_is_the_registered_function(self) -> None:
        """RFC 7616 6.1, FIPS 180-4: "abc"; not the cut-off SHA-512 of RFC 7616 3.9.2's example."""
        expected = "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"
        assert Algorithm.SHA_512_256.hash(b"abc") == expected
        name = "J\u00e4s\u00f8n Doe"
        printed = "488869477bf257147b804c45308cd62ac4e25eb717b12b298c79e62dcea254ec"
        octets = f"{name}:api@example.org".encode()
        assert hashlib.sha512(octets).hexdigest()[:64] == printed
        assert userhash(Algorithm.SHA_512_256, name, "api@example.org") == (
            "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
        )

    def test_the_body_of_nothing(self) -> None:
        """RFC 3261 22.4 item 7, RFC 8760 2.6 item 7."""
        assert [algorithm.hash(b"") for algorithm in (Algorithm.MD5, Algorithm.SHA_256)] == [
            "d41d8cd98f00b204e9800998ecf8427e",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ]

    def test_auth_int_covers_the_body(self) -> None:
        """RFC 7616 3.4.3: A2 gets the hash of the body."""
        protection = Protection("auth-int", "00000001", "c")
        ha2 = hashlib.md5(b"INVITE:u:" + hashlib.md5(b"v=0").hexdigest().encode()).hexdigest()
        expected = hashlib.md5(f"s:n:00000001:c:auth-int:{ha2}".encode()).hexdigest()
        assert response(Algorithm.MD5, "s", "INVITE", "u", "n", protection, b"v=0") == expected

    def test_a_session_hash(self) -> None:
        """RFC 7616 3.4.2: H(H(A1) ":" nonce ":" cnonce)."""
        expected = hashlib.sha256(b"secret:n:c").hexdigest()
        assert session_ha1(Algorithm.SHA_256, "secret", "n", "c") == expected

    @pytest.mark.parametrize(
        ("one", "other", "expected"),
        [("a", "a", True), ("a", "b", False), ("a", "", False), ("\u00e9", "\u00e9", True)],
    )
    def test_comparing(self, one: str, other: str, expected: bool) -> None:
        """Also text that is not ASCII, which the peer may send."""
        assert equal(one, other) is expected


class CredentialsTests:
    """RFC 7616 3.4, RFC 3261 20.7, 25.1."""

    def test_all_parts(self) -> None:
        """RFC 7616 3.9.1."""
        value = CREDENTIALS.format(algorithm="SHA-256", response=SHA_256).encode()
        expected = Credentials(
            username="Mufasa",
            realm="http-auth@example.org",
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            uri="/dir/index.html",
            response=SHA_256,
            algorithm=Algorithm.SHA_256,
            protection=Protection(
                "auth", "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
            ),
            opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
        )
        assert parsed(value) == expected
        assert parsed(str(expected).encode()) == expected

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, {}),
            ({"algorithm": "md5"}, {}),
            ({"algorithm": '"MD5"'}, {}),
            ({"algorithm": "AKAv1-MD5"}, {"algorithm": None}),
            ({"cnonce": '"c"', "nc": "00000001"}, {}),
            (
                {"qop": '"auth"', "nc": '"0000000a"', "cnonce": '""'},
                {"protection": Protection("auth", "0000000a", "")},
            ),
            (
                {"qop": "auth", "nc": "0000000A", "cnonce": '""'},
                {"protection": Protection("auth", "0000000A", "")},
            ),
            (
                {"algorithm": "MD5-sess", "qop": "auth-int", "nc": "00000001", "cnonce": '"c"'},
                {"session": True, "protection": Protection("auth-int", "00000001", "c")},
            ),
            ({"username": '"a\\"b\\\\"'}, {"username": 'a"b\\'}),
            ({"username": '"\u00e9"'}, {"username": "\u00e9"}),
            ({"username": '""'}, {"username": ""}),
            ({"username": None, "username_": "UTF-8''J%C3%A4s"}, {"username": "J\u00e4s"}),
            ({"username": None, "username_": "utf-8'en'a"}, {"username": "a"}),
            ({"userhash": "true"}, {"hashed": True}),
            ({"userhash": "FALSE"}, {}),
            ({"opaque": '""'}, {"opaque": ""}),
            ({"x-more": "a", "y": '"b"'}, {}),
            ({"nonce": '""', "response": '""'}, {"nonce": "", "response": ""}),
        ],
    )
    def test_spellings(self, changes: dict[str, str | None], expected: dict[str, object]) -> None:
        """RFC 7616 3.4, RFC 5987 3.2, RFC 3310; RFC 3665 quotes qop, and so do phones."""
        least = Credentials("bob", "example.com", "n", "sip:example.com", MD5)
        assert parsed(credentials(**changes)) == replace(least, **expected)  # type: ignore[arg-type]

    @pytest.mark.parametrize("value", [b"digest", b" DIGEST\t", b"Digest\r\n  "])
    def test_the_scheme_is_any_case(self, value: bytes) -> None:
        """[W03] RFC 3261 7.3.1, 25.1; blanks and folding around it."""
        assert parse_credentials(value + credentials()[6:]) == parse_credentials(credentials())

    @pytest.mark.parametrize(
        "value", [b"NoOneKnowsThisScheme opaque-data=here", b"Basic dGVzdA==", b"x"]
    )
    def test_other_schemes_are_not_ours(self, value: bytes) -> None:
        """RFC 4475 3.3.7: ignore them; RFC 3261 22.1: Basic is never accepted."""
        assert (parse_credentials(value), parse_challenge(value)) == (None, None)

    @pytest.mark.parametrize(
        "changes",
        [
            *({name: None} for name in LEAST),
            *({name: value.strip('"') or "x"} for name, value in LEAST.items() if name != "uri"),
            {"uri": "sip"},
            {"response": '""'},
            {"response": f'"{MD5[:-1]}"'},
            {"response": f'"{MD5}0"'},
            {"response": f'"{MD5.upper()}"'},
            {"response": f'"{SHA_256}"'},
            {"response": f'"{MD5}"', "algorithm": "SHA-256"},
            {"response": '"g"', "algorithm": "unknown"},
            {"qop": "auth"},
            {"qop": "auth", "nc": "00000001"},
            {"qop": "auth", "cnonce": '"c"'},
            {"qop": "auth", "cnonce": "c", "nc": "00000001"},
            {"qop": "auth", "cnonce": '"c"', "nc": "1"},
            {"qop": "auth", "cnonce": '"c"', "nc": "000000001"},
            {"qop": "auth", "cnonce": '"c"', "nc": "0000000g"},
            {"qop": "AUTH", "cnonce": '"c"', "nc": "00000001"},
            {"qop": "auth-conf", "cnonce": '"c"', "nc": "00000001"},
            {"qop": '""', "cnonce": '"c"', "nc": "00000001"},
            {"algorithm": "MD5-sess"},
            {"userhash": "maybe"},
            {"username_": "UTF-8''a"},
            {"username": None, "username_": "UTF-8''a", "userhash": "true"},
            {"username": None, "username_": "latin-1''a"},
            {"username": None, "username_": "UTF-8''"},
            {"username": None, "username_": "UTF-8''%4"},
            {"username": None, "username_": "a"},
            {"opaque": "x"},
            {"Nonce": '"n"'},
            {"x": "a b"},
            {"x": ""},
            {"x": '"a'},
            {"x": '"a"b'},
            {"x": "a=b"},
        ],
    )
    def test_what_is_malformed_is_refused(self, changes: dict[str, str | None]) -> None:
        """RFC 7616 3.4: improper or missing parameters are a 4xx, never a guess."""
        with pytest.raises(MessageError) as caught:
            parse_credentials(credentials(**changes), "Proxy-Authorization")
        assert (caught.value.field, caught.value.status_hint) == ("Proxy-Authorization", 400)

    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b" ",
            b",",
            b"Digest",
            b"Digest ",
            b"Digest ,",
            b"Digest x",
            b'Digest="x"',
            b'Digest a a="",real',
            credentials() + b",",
            credentials() + b",,x=y",
            credentials() + b" x=y",
            credentials() + b", " + credentials(),
            credentials().replace(b'example.com",', b'example.com"', 1),
            credentials() + b"".join(b", x%d=y" % number for number in range(28)),
            credentials(x='"' + "y" * 8192 + '"'),
            b'Digest a="' + b"\\x" * 4000,
        ],
    )
    def test_what_is_no_list_is_refused(self, value: bytes) -> None:
        """RFC 3261 25.1: dig-resp *(COMMA dig-resp); RFC 3665 2.1 F3 lacks a comma."""
        with pytest.raises(MessageError, match=r"^Authorization: "):
            parse_credentials(value)

    def test_an_unknown_algorithm_proves_nothing(self) -> None:
        """RFC 8760 2.3: challenge again."""
        assert parsed(credentials(algorithm="AKAv1-MD5")).proves("", "REGISTER") is False

    def test_empty_credentials_prove_nothing(self) -> None:
        """RFC 3310: an IMS phone says its name before it was asked."""
        assert parsed(credentials(nonce='""', response='""')).proves("", "REGISTER") is False

    def test_hashes_stay_out_of_logs(self) -> None:
        """Who has the hash can try passwords at home."""
        assert MD5 not in repr(parsed(credentials()))

    @given(st.binary(max_size=60))
    def test_any_octets_give_credentials_or_a_message_error(self, value: bytes) -> None:
        """Nothing else may come out of a packet."""
        try:
            found = parse_credentials(credentials() + value)
        except MessageError:
            return
        assert found is not None
        assert found.realm == "example.com"


class ChallengeTests:
    """RFC 7616 3.3, RFC 8760 2.3, RFC 3261 20.44."""

    def test_all_parts(self) -> None:
        """RFC 7616 3.9.2."""
        value = (
            b'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256,'
            b' nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",'
            b' opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true'
        )
        expected = Challenge(
            realm="api@example.org",
            nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            algorithm=Algorithm.SHA_512_256,
            opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS",
            userhash=True,
        )
        assert parse_challenge(value) == expected
        assert parse_challenge(str(expected).encode()) == expected

    def test_printing(self) -> None:
        """RFC 7616 3.3: what is quoted and what is not."""
        challenge = Challenge(
            'a "b"', "n", Algorithm.SHA_256, True, ("auth", "auth-int"), "", True, True
        )
        assert str(challenge) == (
            'Digest realm="a \\"b\\"", nonce="n", algorithm=SHA-256-sess, qop="auth,auth-int",'
            ' opaque="", stale=true, userhash=true'
        )
        assert str(Challenge("r", "n", qop=())) == 'Digest realm="r", nonce="n", algorithm=MD5'

    @pytest.mark.parametrize(
        ("more", "expected"),
        [
            (b"", Challenge("r", "n", qop=())),
            (b', qop="auth, Auth-Int ,x"', Challenge("r", "n", qop=("auth", "auth-int"))),
            (b", qop=auth", Challenge("r", "n")),
            (b", stale=TRUE", Challenge("r", "n", qop=(), stale=True)),
            (b', stale="nonsense"', Challenge("r", "n", qop=())),
            (b", algorithm=sha-256-SESS", Challenge("r", "n", Algorithm.SHA_256, True, ())),
            (b", algorithm=new", Challenge("r", "n", None, qop=())),
        ],
    )
    def test_spellings(self, more: bytes, expected: Challenge) -> None:
        """RFC 7616 3.3: unknown qop values are ignored, anything but true is not stale."""
        assert parse_challenge(b'Digest realm="r", nonce="n"' + more) == expected

    @pytest.mark.parametrize(
        "value",
        [
            b'Digest realm="r"',
            b'Digest nonce="n"',
            b'Digest realm=r, nonce="n"',
            b'Digest realm="r", nonce="n", qop="x"',
            b'Digest realm="r", nonce="n", qop=""',
            b'Digest realm="r", nonce="n", realm="r"',
            b'Digest realm="r", nonce="n", Digest realm="s", nonce="n"',
        ],
    )
    def test_what_is_malformed_is_refused(self, value: bytes) -> None:
        """RFC 3261 25.1: one challenge a line."""
        with pytest.raises(MessageError, match=r"^Proxy-Authenticate: "):
            parse_challenge(value, "Proxy-Authenticate")

    def test_those_that_can_be_answered_keep_their_order(self) -> None:
        """RFC 8760 2.4: the topmost that we understand; one bad line spoils nothing."""
        lines = [
            b'Basic realm="r"',
            b'Digest realm="r", nonce="1", algorithm=new',
            b'Digest realm="r"',
            b'Digest realm="r", nonce="2", algorithm=SHA-256',
            b'Digest realm="r", nonce="3"',
        ]
        assert [challenge.nonce for challenge in parse_challenges(lines)] == ["2", "3"]


class AnswerTests:
    """RFC 7616 3.4, RFC 3261 22.4: what we answer, we accept."""

    @pytest.mark.parametrize("algorithm", list(Algorithm))
    @pytest.mark.parametrize("session", [False, True])
    @pytest.mark.parametrize("qop", [("auth",), ("auth-int",), ("auth-int", "auth")])
    def test_both_ends_agree(
        self, algorithm: Algorithm, session: bool, qop: tuple[str, ...]
    ) -> None:
        """All algorithms, with and without session, over the wire and back."""
        challenge = Challenge("example.com", "n", algorithm, session, qop, opaque="o")
        secret = ha1(algorithm, "bob", "example.com", "p\u00e4ss")
        sent = answer(
            challenge, "bob", secret, "INVITE", "sip:a@b", cnonce="c", count=31, body=b"v=0"
        )
        found = parsed(str(sent).encode())
        assert found == sent
        assert (found.username, found.opaque) == ("bob", "o")
        expected = "auth" if "auth" in qop else "auth-int"
        assert found.protection == Protection(expected, "0000001f", "c")
        assert found.proves(secret, "INVITE", b"v=0")
        assert not found.proves(secret, "BYE", b"v=0")
        assert found.proves(secret, "INVITE", b"v=1") is (expected == "auth")

    def test_an_old_server_is_answered_in_its_own_way(self) -> None:
        """RFC 3261 22.4 item 8: no qop in the challenge, none in the answer, and no cnonce."""
        secret = ha1(Algorithm.MD5, "bob", "r", "p")
        sent = answer(Challenge("r", "n", qop=()), "bob", secret, "BYE", "sip:b", cnonce="c")
        assert (sent.protection, sent.proves(secret, "BYE")) == (None, True)
        assert str(sent).endswith(", algorithm=MD5")

    def test_the_name_is_hidden_if_the_server_can_find_it(self) -> None:
        """RFC 7616 3.4.4: hashed after, and apart from, everything else."""
        secret = ha1(Algorithm.SHA_256, "bob", "r", "p")
        challenge = Challenge("r", "n", Algorithm.SHA_256, userhash=True)
        sent = answer(challenge, "bob", secret, "BYE", "sip:b", cnonce="c")
        assert (sent.username, sent.hashed) == (userhash(Algorithm.SHA_256, "bob", "r"), True)
        assert parsed(str(sent).encode()).proves(secret, "BYE")
