"""Signs notes with an Ed25519 key that nobody can take out of KMS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lambdas.adapters.dynamodb.failures import store_errors
from lambdas.domain.signed_note import VerifierKey, signed_note


@dataclass(frozen=True)
class KmsSigner:
    """A key of spec ECC_NIST_EDWARDS25519 under the name that checkpoints bear.

    https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html: ED25519_SHA_512 is
    Ed25519 of RFC 8032, and takes the message itself (RAW), of at most 4,096 bytes.
    """

    client: Any
    key_id: str
    name: str

    @cached_property
    def verifier_key(self) -> VerifierKey:
        """The public key, read once."""
        with store_errors():
            answer = self.client.get_public_key(KeyId=self.key_id)
        return VerifierKey.from_spki(self.name, answer["PublicKey"])

    def sign(self, text: str) -> bytes:
        """Return the text as a signed note."""
        with store_errors():
            answer = self.client.sign(
                KeyId=self.key_id,
                Message=text.encode(),
                MessageType="RAW",
                SigningAlgorithm="ED25519_SHA_512",
            )
        return signed_note(text, self.verifier_key, answer["Signature"])
