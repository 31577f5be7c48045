"""The verifier's own Ed25519, against RFC 8032's vectors and against OpenSSL's."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.ledger.verifier.verify import ORDER, ed25519_verify

# Public key, message, signature of the tests 1, 2, 3 and SHA(abc):
# https://www.rfc-editor.org/rfc/rfc8032#section-7.1
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
]


def openssl(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_vectors_of_the_rfc(key: str, message: str, signature: str) -> None:
    given_ = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
    assert ed25519_verify(*given_)
    assert openssl(*given_)


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_no_bit_of_them_may_change(key: str, message: str, signature: str) -> None:
    public, text, signed = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
    for place in range(0, len(signed), 7):
        assert not ed25519_verify(public, text, _flipped(signed, place))
    for place in range(0, len(public), 5):
        assert not ed25519_verify(_flipped(public, place), text, signed)
    assert not ed25519_verify(public, text + b"\x00", signed)


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 63), st.booleans())
def test_it_agrees_with_openssl(seed: bytes, message: bytes, place: int, changed: bool) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = key.sign(message)
    if changed:
        signature = _flipped(signature, place)
    assert ed25519_verify(public, message, signature) is openssl(public, message, signature) is not changed


def test_a_signature_cannot_be_rewritten_with_another_scalar() -> None:
    """RFC 8032, 8.4: a scalar of the group's order or more is refused."""
    key, message, signature = (bytes.fromhex(part) for part in VECTORS[1])
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    assert not ed25519_verify(key, message, signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 63, 65])
def test_another_length_is_no_signature(length: int) -> None:
    key, message, _ = (bytes.fromhex(part) for part in VECTORS[0])
    assert not ed25519_verify(key, message, bytes(length))
    assert not ed25519_verify(key[:-1], message, bytes(64))


@pytest.mark.parametrize(
    "key", [b"\xff" * 32, (2).to_bytes(32, "little"), ((1 << 255) | 1).to_bytes(32, "little")]
)
def test_what_is_no_point_of_the_curve_is_no_key(key: bytes) -> None:
    assert not ed25519_verify(key, b"", bytes(64))


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
