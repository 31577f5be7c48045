"""The archive of dead letters against moto's S3: each letter is written once, under a key of its own."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from lambdas.adapters.clients import make_client
from lambdas.adapters.letter_archive import S3Archive
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.identifiers import failure_id_for
from tests.adapters.endpoints import refusing_port
from tests.adapters.recording import RecordingClient, client_error
from tests.fakes.failures_made import AT_CAPTURE, AT_FULFIL, a_letter, order_id_of

ARCHIVE = "archive"
UNREADABLE = "unreadable"
FAILURE = failure_id_for(order_id_of(0))


@pytest.fixture
def s3(aws: None) -> Any:  # noqa: ARG001 - moto has to run
    client = make_client("s3")
    region = {"LocationConstraint": "eu-west-1"}
    client.create_bucket(Bucket=ARCHIVE, CreateBucketConfiguration=region, ObjectLockEnabledForBucket=True)
    client.put_object_lock_configuration(
        Bucket=ARCHIVE,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
        },
    )
    client.create_bucket(Bucket=UNREADABLE, CreateBucketConfiguration=region)
    return client


def read(s3: Any, bucket: str, key: str) -> bytes:
    content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def test_a_letter_lies_under_its_failure_with_how_it_failed(s3: Any) -> None:
    letter = a_letter(receives=2)
    key = S3Archive(s3, ARCHIVE, UNREADABLE).keep(FAILURE, letter, AT_CAPTURE)
    assert key == f"letters/{FAILURE}/{letter.message_id}.json"
    assert json.loads(read(s3, ARCHIVE, key)) == {
        "schema": 1,
        "failure_id": FAILURE,
        "message": asdict(letter),
        "context": asdict(AT_CAPTURE),
    }
    assert s3.head_object(Bucket=ARCHIVE, Key=key)["ObjectLockMode"] == "GOVERNANCE"


def test_a_letter_that_is_kept_again_is_the_one_that_was_kept(s3: Any) -> None:
    archive = S3Archive(s3, ARCHIVE, UNREADABLE)
    letter = a_letter()
    key = archive.keep(FAILURE, letter, AT_CAPTURE)
    first = read(s3, ARCHIVE, key)
    assert archive.keep(FAILURE, replace(letter, receives=3), AT_FULFIL) == key
    assert read(s3, ARCHIVE, key) == first
    assert len(s3.list_object_versions(Bucket=ARCHIVE)["Versions"]) == 1


@pytest.mark.parametrize("text", ["not json", "", "\ud800 half of a pair", "é" * 100_000])
def test_what_nobody_can_read_is_kept_as_it_came(s3: Any, text: str) -> None:
    archive = S3Archive(s3, ARCHIVE, UNREADABLE)
    letter = a_letter(body=text)
    key = archive.keep_unreadable(letter)
    assert key == f"unreadable/2026-11-20/{letter.message_id}"
    assert archive.keep_unreadable(letter) == key
    assert read(s3, UNREADABLE, key).decode("utf-8", "surrogatepass") == text
    assert "Contents" not in s3.list_objects_v2(Bucket=ARCHIVE)


@pytest.mark.parametrize(
    "error",
    [
        client_error("PutObject", "ConditionalRequestConflict", 409),
        client_error("PutObject", "SlowDown", 503),
        client_error("PutObject", "InternalError", 500),
        client_error("PutObject", "RequestTimeout", 400),
    ],
)
def test_a_bucket_that_cannot_answer_now_is_an_unavailable_store(s3: Any, error: Exception) -> None:
    client = RecordingClient(s3, before=lambda _name, _number: error)
    with pytest.raises(StoreUnavailable):
        S3Archive(client, ARCHIVE, UNREADABLE).keep(FAILURE, a_letter(), AT_CAPTURE)


def test_a_bucket_that_refuses_is_told_as_it_is(s3: Any) -> None:
    with pytest.raises(s3.exceptions.NoSuchBucket):
        S3Archive(s3, "gone", UNREADABLE).keep(FAILURE, a_letter(), AT_CAPTURE)


def test_nobody_at_the_address_is_an_unavailable_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{refusing_port()}")
    with pytest.raises(StoreUnavailable):
        S3Archive(make_client("s3", attempts=1), ARCHIVE, UNREADABLE).keep_unreadable(a_letter())
