"""The vectors are those of golang.org/x/mod/sumdb/note and of https://c2sp.org/tlog-checkpoint."""

from __future__ import annotations

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lambdas.domain.signed_note import (
    Checkpoint,
    NoteInvalid,
    VerifierKey,
    open_note,
    signed_note,
)

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETERS = (
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCHS = (
    "— EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_a_key_is_written_as_it_is_read() -> None:
    for text in (PETER, ENOCH):
        assert str(VerifierKey.parse(text)) == text
    assert VerifierKey.parse(PETER).key_id.hex() == "c74f20a3"


def test_no_part_of_a_key_is_a_key() -> None:
    for start in range(len(PETER) + 1):
        for end in range(start + 1, len(PETER) + 1):
            if (start, end) != (0, len(PETER)):
                with pytest.raises(NoteInvalid):
                    VerifierKey.parse(PETER[start:end])


def test_no_key_with_a_changed_character_is_a_key() -> None:
    for place, character in enumerate(PETER):
        with pytest.raises(NoteInvalid):
            VerifierKey.parse(PETER[:place] + chr(ord(character) + 1) + PETER[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
    ids=["wrong length", "unknown algorithm"],
)
def test_a_key_of_another_length_or_algorithm_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        VerifierKey.parse(text)


def test_signing_gives_the_note_of_the_go_library() -> None:
    signature = Ed25519PrivateKey.from_private_bytes(PETER_SEED).sign(TEXT.encode())
    assert signed_note(TEXT, VerifierKey.parse(PETER), signature).decode() == f"{TEXT}\n{PETERS}"


@pytest.mark.parametrize("key", [PETER, ENOCH])
def test_a_note_is_opened_by_either_of_its_signers(key: str) -> None:
    note = f"{TEXT}\n{PETERS}{ENOCHS}".encode()
    assert open_note(note, VerifierKey.parse(key), verify) == TEXT


def test_a_note_of_others_is_not_opened() -> None:
    with pytest.raises(NoteInvalid, match="not signed by EnochRoot"):
        open_note(f"{TEXT}\n{PETERS}".encode(), VerifierKey.parse(ENOCH), verify)


@pytest.mark.parametrize(
    "note",
    [
        f"{TEXT.replace('answer', 'Answer')}\n{PETERS}",
        f"{TEXT}\n{PETERS[:60]}ABCD{PETERS[60:]}",
        f"{TEXT}\n{PETERS}{PETERS[:60]}ABCD{PETERS[60:]}",
    ],
    ids=["text", "signature", "a second one"],
)
def test_a_bad_signature_of_a_known_key_refuses_the_note(note: str) -> None:
    with pytest.raises(NoteInvalid, match=r"invalid signature for key PeterNeumann\+c74f20a3"):
        open_note(note.encode(), VerifierKey.parse(PETER), verify)


@pytest.mark.parametrize(
    "note",
    [
        TEXT.encode(),
        f"{TEXT}\n".encode(),
        f"{TEXT}\n{PETERS[:-1]}".encode(),
        f"\x01{TEXT}\n{PETERS}".encode(),
        b"\xff" + f"{TEXT}\n{PETERS}".encode(),
        f"{TEXT}\n{PETERS.replace('PeterNeumann', 'Bad Name')}".encode(),
        f"{TEXT}\n{PETERS}Unexpected line.\n".encode(),
        f"{TEXT}\n{PETERS * 101}".encode(),
    ],
)
def test_a_malformed_note_is_refused(note: bytes) -> None:
    with pytest.raises(NoteInvalid, match="malformed"):
        open_note(note, VerifierKey.parse(PETER), verify)


@pytest.mark.parametrize("text", ["no newline", "a bell\x07\n"])
def test_a_text_that_no_note_may_have_is_not_signed(text: str) -> None:
    with pytest.raises(NoteInvalid):
        signed_note(text, VerifierKey.parse(PETER), bytes(64))


def test_the_checkpoint_of_the_specification_is_read_and_written() -> None:
    checkpoint = Checkpoint.parse(CHECKPOINT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e1d90c808014aa89b")
    assert checkpoint.text == CHECKPOINT
    assert Checkpoint.parse(f"{CHECKPOINT}an extension\n") == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        CHECKPOINT[:-1],
        CHECKPOINT.replace("20852163", "020852163"),
        CHECKPOINT.replace("20852163", "-1"),
        CHECKPOINT.replace("20852163", "²"),
        CHECKPOINT.replace("CsUY", "CsU"),
        CHECKPOINT.replace("CsUYapGG", ""),
        f"{CHECKPOINT}\nafter an empty line\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        Checkpoint.parse(text)


def test_kms_gives_the_key_in_der() -> None:
    public = Ed25519PrivateKey.from_private_bytes(PETER_SEED).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert str(VerifierKey.from_spki("PeterNeumann", der)) == PETER
    with pytest.raises(NoteInvalid, match="not of Ed25519"):
        VerifierKey.from_spki("PeterNeumann", b"\x30\x59" + der[2:])
