"""`sipapp.ua.signature`: tokens that we mint and later trust back."""

from __future__ import annotations

import random
import string

import pytest

from sipapp.errors import UsageError
from sipapp.ua.signature import SIGNATURE_LENGTH, Signer

SECRET = bytes(range(32))
PARTS = (b"alice@example.com", b"UDP", b"192.0.2.1:5060")


def test_signature_is_fixed_for_a_secret() -> None:
    """Another worker with the same secret, or this one after a restart, accepts the token."""
    assert Signer(SECRET).sign(b"flow", *PARTS) == "6TGyoEVyyI9r"
    assert Signer(SECRET).verify("6TGyoEVyyI9r", b"flow", *PARTS)


def test_signature_needs_no_escaping() -> None:
    """Twelve characters that are legal in a token, a URI parameter and a user part."""
    signer = Signer(SECRET)
    legal = set(string.ascii_letters + string.digits + "-_")
    signatures = [signer.sign(b"flow", b"%d" % number) for number in range(1000)]
    assert {len(signature) for signature in signatures} == {SIGNATURE_LENGTH}
    assert set("".join(signatures)) <= legal


@pytest.mark.parametrize(
    ("purpose", "parts"),
    [
        (b"branch", PARTS),
        (b"flow", PARTS[:2]),
        (b"flow", (*PARTS, b"")),
        (b"flow", (b"alice@example.comUDP", b"", PARTS[2])),
        (b"flow", (PARTS[1], PARTS[0], PARTS[2])),
        (b"flow", (b"Alice@example.com", *PARTS[1:])),
        (b"flow", (b"', b'".join(PARTS),)),
    ],
)
def test_signature_binds_purpose_and_parts(purpose: bytes, parts: tuple[bytes, ...]) -> None:
    """A token moved to another place, or with its parts cut elsewhere, is refused."""
    signer = Signer(SECRET)
    assert not signer.verify(signer.sign(b"flow", *PARTS), purpose, *parts)


def test_signature_of_another_secret_is_refused() -> None:
    """Only who knows the secret can mint a token."""
    assert not Signer(SECRET).verify(Signer(SECRET[::-1]).sign(b"flow", *PARTS), b"flow", *PARTS)


@pytest.mark.parametrize("text", ["", "6TGyoE", "6TGyoEVyyI9rA", "6TGyoEVyyI9r\x00", "\udcff" * 12])
def test_any_text_may_be_verified(text: str) -> None:
    """A peer can send anything where our token should stand; it is refused, not raised."""
    assert not Signer(SECRET).verify(text, b"flow", *PARTS)


def test_flipped_bits_are_refused() -> None:
    """10,000 seeded bit flips in the signature or in a part: none is accepted (A13)."""
    rng, signer = random.Random(2543), Signer(SECRET)
    fields = [signer.sign(b"flow", *PARTS).encode(), *PARTS]
    accepted = 0
    for _ in range(10_000):
        broken = [bytearray(field) for field in fields]
        octets = rng.choice(broken)
        octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)
        signature, *parts = map(bytes, broken)
        accepted += signer.verify(signature.decode("latin-1"), b"flow", *parts)
    assert accepted == 0


@pytest.mark.parametrize("size", [0, 15, 65])
def test_secret_has_a_sensible_size(size: int) -> None:
    """A short secret can be searched; BLAKE2b takes no more than 64 octets."""
    with pytest.raises(UsageError):
        Signer(b"x" * size)
