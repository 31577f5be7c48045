"""The sealed log of a deployment, as those read it who prove and verify."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from lambdas.adapters.dynamodb.ledger_reading import DynamoEntryReader
from lambdas.adapters.dynamodb.sealed_log import DynamoBatchLog
from lambdas.adapters.kms_signer import KmsSigner
from lambdas.adapters.log_store import S3LogStore
from lambdas.domain.sealing import CHECKPOINTS, CLOSED, BatchLog, EntryKey, checkpoint_path
from lambdas.domain.signed_note import Checkpoint, VerifierKey, open_note
from lambdas.domain.tiles import WIDTH, LogBroken, Tiles, bundle_path, decode_bundle, width_at
from orders.ledger.verifier.verify import ed25519_verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambdas.domain.sealing import Batch, EntryReader
    from orders.deployment import Deployment

_ENTRY_ID_PARTS: Final = 3


class LogFiles(Protocol):
    """The log's files, to be read."""

    def read(self, path: str) -> bytes:
        """Return a file; raises KeyError when there is none."""
        ...

    def paths(self, prefix: str, after: str = "") -> Iterator[str]:
        """Yield the paths under a prefix that come after `after`, in their order."""
        ...


class BatchIndex(BatchLog, Protocol):
    """The batches, to be searched."""

    def holding(self, leaf: int) -> Batch | None:
        """Return the batch with a leaf; the newest one for a leaf that is not there yet."""
        ...


@dataclass(frozen=True, slots=True)
class SealedLedger:
    """Ledger, log and key. `beginning` is before the first entry, `grace` how long the sealer waits."""

    key: VerifierKey
    files: LogFiles
    batches: BatchIndex
    ledger: EntryReader
    grace: timedelta
    beginning: str

    def sizes(self, after: int = -1) -> list[int]:
        """Return the sizes of the checkpoints that there are, beyond `after`."""
        start = checkpoint_path(after) if after >= 0 else ""
        return [int(path.removeprefix(CHECKPOINTS)) for path in self.files.paths(CHECKPOINTS, start)]

    def note(self, size: int) -> bytes:
        """Return the checkpoint of a size as a signed note."""
        return self.files.read(checkpoint_path(size))

    def checkpoint(self, size: int) -> Checkpoint:
        """Return the checkpoint of a size; raises NoteInvalid when the key has not signed it."""
        found = Checkpoint.parse(open_note(self.note(size), self.key, ed25519_verify))
        if (found.origin, found.size) != (self.key.name, size):
            raise LogBroken(f"checkpoint {size} is of {found.origin} at {found.size}")
        return found

    def tiles(self, size: int) -> Tiles:
        """Return the log's tree at a size that has a checkpoint."""
        return Tiles(self.files.read, size)

    def leaves(self, first: int, after: int, size: int) -> Iterator[tuple[int, bytes]]:
        """Yield leaves with their numbers from the bundles of a log of `size`, each read once."""
        for index in range(first // WIDTH, -(-after // WIDTH)):
            entries = decode_bundle(self.files.read(bundle_path(index, width_at(0, index, size))))
            if len(entries) != width_at(0, index, size):
                raise LogBroken(f"bundle {index} has {len(entries)} entries")
            for number, entry in enumerate(entries, index * WIDTH):
                if first <= number < after:
                    yield number, entry

    def closed_periods(self) -> list[str]:
        """Return the months that are closed, as `2026-10`."""
        return [path.removeprefix(CLOSED) for path in self.files.paths(CLOSED)]

    def closed_record(self, month: str) -> str:
        """Return the JSON of a closed month's record; raises KeyError, or NoteInvalid for a forged one."""
        text = open_note(self.files.read(f"{CLOSED}{month}"), self.key, ed25519_verify)
        header, _, record = text.partition("\n")
        if header != f"{self.key.name}/closed":
            raise LogBroken(f"the record of {month} is of {header}")
        return record.strip()


def open_sealed(deployment: Deployment) -> SealedLedger:
    """Return the sealed ledger of a deployment."""
    dynamodb = deployment.client("dynamodb")
    signer = KmsSigner(
        deployment.client("kms"), deployment.output("LogKeyArn"), deployment.output("LogOrigin")
    )
    return SealedLedger(
        key=signer.verifier_key,
        files=S3LogStore(deployment.client("s3"), deployment.output("LogBucketName")),
        batches=DynamoBatchLog(dynamodb, deployment.output("LogTableName")),
        ledger=DynamoEntryReader(dynamodb, deployment.output("LedgerTableName")),
        grace=timedelta(seconds=int(deployment.output("SealGraceSeconds"))),
        beginning=f"{deployment.output('LedgerSince')}T00:00:00.000Z",
    )


def first_batch(batches: BatchIndex, good: Callable[[Batch], bool]) -> Batch | None:
    """Return the first batch that is good, where all after a good one are; reads as many as log2 of them."""
    last = batches.last()
    if last is None or not good(last):
        return None
    low, found = 0, last
    while low < found.start:
        middle = batches.holding((low + found.start - 1) // 2)
        if middle is None:
            break
        if good(middle):
            found = middle
        else:
            low = middle.size
    return found


def key_of(entry_id: str) -> EntryKey:
    """Return the key of an entry by its id; raises ValueError."""
    parts = entry_id.split("_")
    if len(parts) != _ENTRY_ID_PARTS or parts[0] != "ent" or not parts[2].isdecimal():
        raise ValueError(entry_id)
    return EntryKey.parse(f"ord_{parts[1]}#{parts[2]}")


def leaf_of(log: SealedLedger, key: EntryKey, booked_at: str) -> int | None:
    """Return an entry's leaf number; None when it is not sealed.

    It is in the first batch that read beyond its time, or, when late, in one that read that time again.
    """
    batch = first_batch(log.batches, lambda b: b.until >= booked_at)
    while batch and batch.since <= booked_at:
        if key in batch.entries:
            return batch.start + batch.entries.index(key)
        following = log.batches.holding(batch.size)
        batch = following if following and following.start == batch.size else None
    return None
