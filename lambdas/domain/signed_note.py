"""Signed notes and the checkpoints that are written as such, by C2SP.

https://c2sp.org/signed-note and https://c2sp.org/tlog-checkpoint. Of the signature types only Ed25519 (0x01)
is known here. What verifies a signature is given as a function: the functions of this project sign and never
verify, so that they need no cryptography of their own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lambdas.domain.merkle import HASH_BYTES

Verify = Callable[[bytes, bytes, bytes], bool]
"""Public key of 32 bytes, message, signature of 64 bytes."""

_ED25519: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_DASH: Final = "\N{EM DASH} "
_NAME: Final = re.compile(r"[^\s+]+")
_SIZE: Final = re.compile(r"0|[1-9][0-9]*")
_CHECKPOINT_LINES: Final = 3
MOST_SIGNATURES: Final = 100
# The SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410, section 10.1).
_SPKI_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")


class NoteInvalid(ValueError):
    """A text is no signed note, or not signed by the key."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """An Ed25519 public key (32 bytes) under the name that it signs by."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse a name with spaces or a plus, and a key of another length."""
        if not _NAME.fullmatch(self.name) or len(self.public_key) != HASH_BYTES:
            raise NoteInvalid(f"no Ed25519 key under a name without spaces: {self.name!r}")

    @classmethod
    def from_spki(cls, name: str, spki: bytes) -> VerifierKey:
        """Take it from DER, as KMS gives it."""
        if not spki.startswith(_SPKI_PREFIX):
            raise NoteInvalid("the public key is not of Ed25519")
        return cls(name, spki.removeprefix(_SPKI_PREFIX))

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read what `str` writes: name, key id in hex, type and key in base 64, with a plus in between."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _decode(encoded)
        if raw[:1] != _ED25519:
            raise NoteInvalid("the key is not of Ed25519")
        key = cls(name, raw[1:])
        if key_id != key.key_id.hex():
            raise NoteInvalid(f"the key of {name} has another id than it says")
        return key

    def __str__(self) -> str:
        """Write it in the form of golang.org/x/mod/sumdb/note."""
        encoded = base64.b64encode(_ED25519 + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        digest = hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()
        return digest[:_KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How many leaves a log has, and their root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text; lines after the third are allowed and mean nothing here."""
        lines = text.split("\n")
        if len(lines) <= _CHECKPOINT_LINES or lines[-1] or not all(lines[:-1]):
            raise NoteInvalid("a checkpoint has three lines or more, none of them empty")
        origin, size, root = lines[:_CHECKPOINT_LINES]
        if not _SIZE.fullmatch(size):
            raise NoteInvalid(f"{size!r} is no size of a log")
        decoded = _decode(root)
        if len(decoded) != HASH_BYTES:
            raise NoteInvalid("the root is no SHA-256")
        return cls(origin, int(size), decoded)


def signed_note(text: str, key: VerifierKey, signature: bytes) -> bytes:
    """Write a note with its one signature over the text."""
    if not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise NoteInvalid("a note's text ends with a newline and holds no other control characters")
    encoded = base64.b64encode(key.key_id + signature).decode()
    return f"{text}\n{_DASH}{key.name} {encoded}\n".encode()


def open_note(note: bytes, key: VerifierKey, verify: Verify) -> str:
    """Return the text of a note that the key has signed; signatures of other keys are ignored.

    Raises:
        NoteInvalid: the note is malformed, or has no good signature of the key.
    """
    text, signatures = _take_apart(note)
    ours = [sig for name, sig in signatures if name == key.name and sig[:_KEY_ID_BYTES] == key.key_id]
    if not ours:
        raise NoteInvalid(f"the note is not signed by {key.name}+{key.key_id.hex()}")
    if not all(verify(key.public_key, text.encode(), sig[_KEY_ID_BYTES:]) for sig in ours):
        raise NoteInvalid(f"invalid signature for key {key.name}+{key.key_id.hex()}")
    return text


def _take_apart(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise NoteInvalid("malformed note: not UTF-8") from error
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not lines.endswith("\n") or any(c < " " and c != "\n" for c in whole):
        raise NoteInvalid("malformed note")
    signatures = [_signature(line) for line in lines[:-1].split("\n")]
    if len(signatures) > MOST_SIGNATURES:
        raise NoteInvalid("malformed note: too many signatures")
    return text + "\n", signatures


def _signature(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not _NAME.fullmatch(name):
        raise NoteInvalid("malformed note: no signature line")
    signature = _decode(encoded)
    if len(signature) <= _KEY_ID_BYTES:
        raise NoteInvalid("malformed note: a signature is too short")
    return name, signature


def _decode(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteInvalid("malformed base 64") from error
