"""The log's batches in DynamoDB, the ledger by time of booking, and the log's files in S3."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb import ledger_reading
from lambdas.adapters.dynamodb.attributes import item_bytes, to_item
from lambdas.adapters.dynamodb.ledger import entry_values
from lambdas.adapters.dynamodb.ledger_reading import DynamoEntryReader
from lambdas.adapters.dynamodb.sealed_log import DynamoBatchLog
from lambdas.adapters.kms_signer import KmsSigner
from lambdas.adapters.log_store import S3LogStore
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.identifiers import OrderId
from lambdas.domain.ledger import RECEIVABLE, SALES, Balance, JournalEntry
from lambdas.domain.sealing import Batch, EntryKey, LogForked, MonthTotals, Unreadable
from lambdas.domain.signed_note import open_note
from lambdas.services.seal_ledger import BATCH
from orders.ledger.verifier.verify import ed25519_verify
from tests.adapters.recording import RecordingClient, client_error
from tests.adapters.tables import LEDGER
from tests.fakes.sealed_log import LocalSigner, booked

LOG = "log"
LARGEST_ITEM = 400 * 1024  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html


@pytest.fixture
def log(dynamodb: Any) -> DynamoBatchLog:
    dynamodb.create_table(
        TableName=LOG,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "log", "KeyType": "HASH"},
            {"AttributeName": "item", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("log", "item")],
    )
    return DynamoBatchLog(dynamodb, LOG)


def a_batch(start: int, count: int = 2, **changes: Any) -> Batch:
    made = Batch(
        start=start,
        since="2026-10-05T11:45:00.000Z",
        until="2026-10-05T12:00:00.000Z",
        root=bytes([start % 256]) * 32,
        entries=tuple(EntryKey(OrderId(f"ord_{start + n:026d}"), 1 + n) for n in range(count)),
        late=("ent_x_1",),
        at="2026-10-05T12:15:00.000Z",
        totals=(MonthTotals("2026-10", 7, (Balance(RECEIVABLE, "GBP", 5, 0), Balance(SALES, "GBP", 0, 5))),),
    )
    return replace(made, **changes)


def test_a_batch_comes_back_as_it_was_added(log: DynamoBatchLog) -> None:
    assert log.last() is None
    assert log.add(a_batch(0))
    assert log.last() == a_batch(0)


def test_only_one_batch_starts_at_a_leaf(log: DynamoBatchLog) -> None:
    assert log.add(a_batch(0))
    assert not log.add(a_batch(0, at="2026-10-05T12:20:00.000Z"))
    assert log.last() == a_batch(0)


def test_a_lost_answer_is_recognised(log: DynamoBatchLog) -> None:
    """botocore sends again what may have been written."""
    assert log.add(a_batch(0))
    assert log.add(a_batch(0))


def test_the_batches_come_from_the_newest_on_over_many_pages(log: DynamoBatchLog) -> None:
    for start in range(0, 40, 2):
        log.add(a_batch(start))
    assert [batch.start for batch in log.newest_first()] == list(range(38, -2, -2))
    assert log.last() == a_batch(38)


@pytest.mark.parametrize(("leaf", "start"), [(0, 0), (1, 0), (2, 2), (37, 36), (39, 38), (10_000, 38)])
def test_the_batch_with_a_leaf_is_found(log: DynamoBatchLog, leaf: int, start: int) -> None:
    for first in range(0, 40, 2):
        log.add(a_batch(first))
    found = log.holding(leaf)
    assert found is not None
    assert found.start == start


def test_the_largest_batch_fits_into_an_item() -> None:
    recording = RecordingClient(None, before=lambda *_: client_error("PutItem", "Sent"))
    largest = a_batch(10**15, BATCH, late=tuple(booked(n, "").entry_id for n in range(BATCH)))
    with pytest.raises(ClientError, match="Sent"):
        DynamoBatchLog(recording, LOG).add(largest)
    ((_, parameters),) = recording.calls
    assert item_bytes(parameters["Item"]) < LARGEST_ITEM


def test_how_far_was_read_only_grows(log: DynamoBatchLog) -> None:
    assert log.read_until() is None
    log.note_read("2026-10-05T12:00:00.000Z")
    log.note_read("2026-10-05T11:00:00.000Z")
    assert log.read_until() == "2026-10-05T12:00:00.000Z"
    assert log.last() is None, "it is no batch"


def put(dynamodb: Any, *entries: JournalEntry) -> None:
    for entry in entries:
        dynamodb.put_item(TableName=LEDGER, Item=to_item(entry_values(entry)))


@pytest.fixture
def reader(dynamodb: Any) -> DynamoEntryReader:
    return DynamoEntryReader(dynamodb, LEDGER)


def test_entries_come_by_the_time_of_booking_over_days_and_shards(
    dynamodb: Any, reader: DynamoEntryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_reading, "PAGE", 2)
    entries = [booked(n, f"2026-10-0{5 + n // 30}T{n % 24:02d}:00:{n % 60:02d}.000Z") for n in range(60)]
    put(dynamodb, *entries)
    found = list(reader.booked_between("2026-10-05T00:00:00.000Z", "2026-10-07T00:00:00.000Z"))
    assert found == sorted(entries, key=lambda entry: entry.booked_at)


def test_the_beginning_counts_and_the_end_does_not(dynamodb: Any, reader: DynamoEntryReader) -> None:
    times = [f"2026-10-05T12:00:00.00{n}Z" for n in range(4)]
    put(dynamodb, *(booked(n, at) for n, at in enumerate(times)))
    found = reader.booked_between(times[1], times[3])
    assert [e.booked_at for e in found if isinstance(e, JournalEntry)] == times[1:3]


def test_entries_are_found_by_their_keys(dynamodb: Any, reader: DynamoEntryReader) -> None:
    entries = [booked(n, "2026-10-05T12:00:00.000Z") for n in range(150)]
    put(dynamodb, *entries)
    keys = [EntryKey(e.order_id, 1) for e in entries]
    assert reader.entries([*keys, EntryKey(OrderId("ord_none"), 1)]) == dict(zip(keys, entries, strict=True))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"hash": {"S": "0" * 64}}, "the entry is not the one whose hash it carries"),
        ({"psp_reference": {"S": "pi_other"}}, "the entry is not the one whose hash it carries"),
        ({"postings": {"L": []}}, "UnbalancedEntry"),
        ({"postings": {"S": "none"}}, "TypeError"),
    ],
)
def test_an_item_that_is_no_entry_is_told_and_not_raised(
    dynamodb: Any, reader: DynamoEntryReader, change: dict[str, Any], fault: str
) -> None:
    entry = booked(1, "2026-10-05T12:00:00.000Z")
    dynamodb.put_item(TableName=LEDGER, Item={**to_item(entry_values(entry)), **change})
    (found,) = reader.booked_between("2026-10-05T00:00:00.000Z", "2026-10-06T00:00:00.000Z")
    assert found == Unreadable(EntryKey(entry.order_id, 1), fault)
    assert reader.entries([EntryKey(entry.order_id, 1)]) == {}


@pytest.fixture
def store(aws: None) -> S3LogStore:  # noqa: ARG001 - moto's
    client = make_client("s3")
    client.create_bucket(Bucket="log", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return S3LogStore(client, "log")


def test_a_file_is_written_once(store: S3LogStore) -> None:
    store.create("tile/0/000.p/1", b"hash")
    store.create("tile/0/000.p/1", b"hash")
    with pytest.raises(LogForked, match=r"tile/0/000\.p/1 is there already, with another content"):
        store.create("tile/0/000.p/1", b"other")
    assert store.read("tile/0/000.p/1") == b"hash"


def test_a_file_that_is_not_there_is_a_key_error(store: S3LogStore) -> None:
    with pytest.raises(KeyError, match="tile/0/000"):
        store.read("tile/0/000")


def test_files_have_the_types_of_the_specification(store: S3LogStore) -> None:
    store.create("tile/0/000", b"")
    store.create("checkpoints/1", b"")
    types = {
        path: store.client.head_object(Bucket="log", Key=path)["ContentType"] for path in store.paths("")
    }
    assert types == {"checkpoints/1": "text/plain; charset=utf-8", "tile/0/000": "application/octet-stream"}


def test_paths_come_in_their_order_after_a_path(store: S3LogStore) -> None:
    for n in range(5):
        store.create(f"checkpoints/{n}", b"")
    store.create("closed/2026-10", b"")
    assert list(store.paths("checkpoints/", "checkpoints/2")) == ["checkpoints/3", "checkpoints/4"]


def test_a_write_that_another_overtakes_is_tried_again_and_given_up(store: S3LogStore) -> None:
    conflict = client_error("PutObject", "ConditionalRequestConflict")
    once = RecordingClient(store.client, before=lambda _, number: conflict if number == 0 else None)
    S3LogStore(once, "log").create("a", b"1")
    assert store.read("a") == b"1"
    always = RecordingClient(store.client, before=lambda *_: conflict)
    with pytest.raises(StoreUnavailable, match="b is being written by others"):
        S3LogStore(always, "log").create("b", b"1")


class Kms:
    """What the signer calls, with a key of this machine; the deployed key is tried in tests/e2e."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.local = LocalSigner()

    def get_public_key(self, **parameters: Any) -> dict[str, bytes]:
        self.asked.append(parameters)
        public = self.local.verifier_key.public_key
        return {"PublicKey": bytes.fromhex("302a300506032b6570032100") + public}

    def sign(self, **parameters: Any) -> dict[str, bytes]:
        self.asked.append(parameters)
        return {"Signature": self.local.key.sign(parameters["Message"])}


def test_a_note_is_signed_by_the_key_in_kms() -> None:
    kms = Kms()
    signer = KmsSigner(kms, "arn:key", "orders.example/ledger")
    notes = [signer.sign("one\n"), signer.sign("two\n")]
    key = kms.local.verifier_key
    assert [open_note(note, key, ed25519_verify) for note in notes] == ["one\n", "two\n"]
    assert kms.asked[0] == {
        "KeyId": "arn:key",
        "Message": b"one\n",
        "MessageType": "RAW",
        "SigningAlgorithm": "ED25519_SHA_512",
    }
    assert [set(call) for call in kms.asked].count({"KeyId"}) == 1, "the public key is read once"
