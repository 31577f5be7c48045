from __future__ import annotations

import pytest

from lambdas.ingest.idempotency_key import MAX_LENGTH, InvalidIdempotencyKey, read_idempotency_key


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("abc", "abc"),
        ("  abc  ", "abc"),
        ('"abc"', "abc"),
        ('"a\\"b\\\\c"', 'a"b\\c'),
        ('"  "x', '"  "x'),
        ('"half', '"half'),
        ("a b", "a b"),
        ("x" * MAX_LENGTH, "x" * MAX_LENGTH),
        ('"' + "x" * MAX_LENGTH + '"', "x" * MAX_LENGTH),
    ],
)
def test_a_key_is_read_quoted_or_bare(header: str, key: str) -> None:
    assert read_idempotency_key(header) == key


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "idempotency_key_required"),
        ("", "idempotency_key_required"),
        ("   ", "idempotency_key_required"),
        ('""', "idempotency_key_invalid"),
        ('"  "', "idempotency_key_invalid"),
        ("a\tb", "idempotency_key_invalid"),
        ("clé", "idempotency_key_invalid"),
        ("a\x00", "idempotency_key_invalid"),
        ("x" * (MAX_LENGTH + 1), "idempotency_key_too_long"),
    ],
)
def test_what_can_be_no_key_is_refused_with_its_code(header: str | None, code: str) -> None:
    with pytest.raises(InvalidIdempotencyKey) as refused:
        read_idempotency_key(header)
    assert refused.value.code == code
