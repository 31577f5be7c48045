"""Entry point of the sealer, which a schedule runs.

The event `{"close": "2026-10", "actor": ...}` closes a month instead; any other is the schedule's.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.ledger_reading import DynamoEntryReader
from lambdas.adapters.dynamodb.sealed_log import DynamoBatchLog
from lambdas.adapters.kms_signer import KmsSigner
from lambdas.adapters.log_store import S3LogStore
from lambdas.domain.sealing import PeriodRefused
from lambdas.domain.timestamps import utc_now
from lambdas.environment import SealEnvironment, read_environment
from lambdas.services.close_period import ClosePeriod
from lambdas.services.seal_ledger import SealLedger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.services.seal_ledger import Sealed

# Longer than the usual two: a file has up to 160 KB, a signature takes KMS a while.
READ_TIMEOUT_SECONDS: Final = 5

logger = Logger()
metrics = Metrics()


class SealIncomplete(Exception):
    """Items of the ledger cannot be sealed; the log goes on without them, and a person has to look."""


def build() -> tuple[SealLedger, ClosePeriod]:
    """Put the sealer together."""
    environment = read_environment(SealEnvironment, os.environ)
    metrics.set_default_dimensions(environment=environment.environment)
    dynamodb = make_client("dynamodb", read_timeout=READ_TIMEOUT_SECONDS)
    batches = DynamoBatchLog(dynamodb, environment.log_table)
    store = S3LogStore(make_client("s3", read_timeout=READ_TIMEOUT_SECONDS), environment.log_bucket)
    kms = make_client("kms", read_timeout=READ_TIMEOUT_SECONDS)
    origin, grace = environment.log_origin, timedelta(seconds=environment.grace_seconds)
    signer = KmsSigner(kms, environment.log_key_id, origin)
    seal_ = SealLedger(
        ledger=DynamoEntryReader(dynamodb, environment.ledger_table),
        batches=batches,
        store=store,
        signer=signer,
        origin=origin,
        grace=grace,
        beginning=f"{environment.ledger_since}T00:00:00.000Z",
        now=utc_now,
    )
    return seal_, ClosePeriod(batches, store, signer, origin, grace, utc_now)


seal, close = build()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Seal, or close a month; raises SealIncomplete, which the alarm on this function's errors sees."""
    if "close" in event:
        return _close(str(event["close"]), str(event.get("actor", "")))
    sealed = seal(lambda: context.get_remaining_time_in_millis() / 1_000)
    metrics.add_metric("EntriesSealed", MetricUnit.Count, sealed.sealed)
    metrics.add_metric("EntriesLate", MetricUnit.Count, len(sealed.late))
    metrics.add_metric("EntriesUnreadable", MetricUnit.Count, len(sealed.unreadable))
    for entry_id in sealed.late:
        logger.warning("late entry sealed", extra={"entry_id": entry_id})
    for item in sealed.unreadable:
        logger.error("entry cannot be sealed", extra={"entry_id": item.key.entry_id, "fault": item.fault})
    report = _report(sealed)
    logger.info("ledger sealed", extra=report)
    if sealed.unreadable:
        raise SealIncomplete(f"{len(sealed.unreadable)} items are no entries")
    return report


def _close(month: str, actor: str) -> dict[str, Any]:
    try:
        record = close(month, actor).decode()
    except PeriodRefused as error:
        return {"refused": str(error)}
    logger.info("month closed", extra={"period": month})
    return {"record": record}


def _report(sealed: Sealed) -> dict[str, Any]:
    return {
        "sealed": sealed.sealed,
        "batches": sealed.batches,
        "size": sealed.size,
        "until": sealed.until,
        "late": len(sealed.late),
        "unreadable": len(sealed.unreadable),
        "unfinished": sealed.unfinished,
        "overtaken": sealed.overtaken,
    }
