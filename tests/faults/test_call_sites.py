"""The matrix is complete: each call of the outside that is written in `lambdas/` is made in some scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

from tests.adapters.tables import IDEMPOTENCY
from tests.faults.call_sites import unreached, written_calls

if TYPE_CHECKING:
    from tests.faults.boundaries import Boundary, Site
    from tests.faults.matrix import Matrix

# Calls that no function of an order's life makes, with their reasons.
NOT_OF_THE_PIPELINE: Final = {
    # People's commands alone read the books of a day and all heads, and write down what operators do; a kill
    # of `apply` at each of its calls is tried in tests/adapters/test_apply_killed.py.
    ("lambdas/adapters/dynamodb/ledger.py", "DynamoJournal.entries_of_day", "self.client.query"),
    ("lambdas/adapters/dynamodb/order_heads.py", "DynamoOrderHeads.pages", "self.client.scan"),
    ("lambdas/adapters/dynamodb/operations.py", "DynamoHistory.record", "self.client.execute_statement"),
    ("lambdas/adapters/dynamodb/operations.py", "DynamoHistory.find", "self.client.get_item"),
    ("lambdas/adapters/dynamodb/operations.py", "DynamoHistory.keep_note", "self.client.put_item"),
    ("lambdas/adapters/dynamodb/operations.py", "DynamoHistory._query", "self.client.query"),
    # The sealer changes no order: its crashes are tried in tests/unit/services/test_seal_ledger.py.
    ("lambdas/adapters/dynamodb/ledger_reading.py", "DynamoEntryReader._pages", "self.client.query"),
    ("lambdas/adapters/dynamodb/sealed_log.py", "DynamoBatchLog.add", "self.client.put_item"),
    ("lambdas/adapters/dynamodb/sealed_log.py", "DynamoBatchLog.read_until", "self.client.get_item"),
    ("lambdas/adapters/dynamodb/sealed_log.py", "DynamoBatchLog.note_read", "self.client.put_item"),
    ("lambdas/adapters/dynamodb/sealed_log.py", "DynamoBatchLog._descending", "self.client.query"),
    ("lambdas/adapters/kms_signer.py", "KmsSigner.verifier_key", "self.client.get_public_key"),
    ("lambdas/adapters/kms_signer.py", "KmsSigner.sign", "self.client.sign"),
    ("lambdas/adapters/log_store.py", "S3LogStore.read", "self.client.get_object"),
    ("lambdas/adapters/log_store.py", "S3LogStore.create", "self.client.put_object"),
    ("lambdas/adapters/log_store.py", "S3LogStore.paths", "self.client.list_objects_v2"),
}


def test_every_call_that_is_written_is_made_in_a_scenario(matrix: Matrix) -> None:
    missing = unreached(written_calls(), every_boundary(matrix))
    assert [
        str(site) for site in missing if (site.file, site.function, site.call) not in NOT_OF_THE_PIPELINE
    ] == []


def test_no_exception_is_kept_that_is_none(matrix: Matrix) -> None:
    missing = {
        (site.file, site.function, site.call) for site in unreached(written_calls(), every_boundary(matrix))
    }
    assert missing >= NOT_OF_THE_PIPELINE


def test_a_call_that_no_scenario_makes_is_found(matrix: Matrix) -> None:
    sites = list(written_calls())
    left_out = next(site for site in sites if site.call == "self.client.start_sync_execution")
    others = {boundary for boundary in every_boundary(matrix) if not _is_of(boundary, left_out.file)}
    assert left_out in unreached(sites, others)


def test_every_call_of_powertools_is_made(matrix: Matrix) -> None:
    """Its layer's own code calls the table; which operations it has, its methods tell."""
    methods = {
        "_get_record": "GetItem",
        "_put_record": "PutItem",
        "_update_record": "UpdateItem",
        "_delete_record": "DeleteItem",
    }
    assert all(hasattr(DynamoDBPersistenceLayer, method) for method in methods)
    made = {b.operation for b in every_boundary(matrix) if b.worker == "payment" and b.target == IDEMPOTENCY}
    # GetItem is asked only where a condition's failure brings no item along, which DynamoDB's always does.
    assert made == {*methods.values()} - {"GetItem"}


def every_boundary(matrix: Matrix) -> set[Boundary]:
    return {boundary for run in matrix.clean.values() for boundary in run.calls}


def _is_of(boundary: Boundary, file: str) -> bool:
    innermost: Site | None = boundary.sites[0] if boundary.sites else None
    return innermost is not None and innermost.file == file
