"""Running the deployed sealer, and reading what it has sealed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from orders.deployment import local_deployment
from orders.ledger.sealed import open_sealed
from tests.e2e.conftest import eventually

if TYPE_CHECKING:
    from orders.deployment import Deployment
    from orders.ledger.sealed import SealedLedger
    from tests.e2e.conftest import Pipeline


def deployment_of(pipeline: Pipeline) -> Deployment:
    """The pipeline as an operator's commands have it."""
    return local_deployment(pipeline.addresses)


def sealed_ledger(pipeline: Pipeline) -> SealedLedger:
    """The ledger and its log."""
    return open_sealed(deployment_of(pipeline))


def run_sealer(pipeline: Pipeline, event: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run the sealer; a run of its schedule may come first."""
    functions = pipeline.aws("lambda")
    name = pipeline.addresses.outputs["SealFunctionName"]
    while True:
        try:
            answer = functions.invoke(FunctionName=name, Payload=json.dumps(event or {}))
        except functions.exceptions.TooManyRequestsException:
            time.sleep(0.5)
            continue
        said: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said


def seal_everything(pipeline: Pipeline, entry_ids: set[str]) -> None:
    """Run the sealer until these entries are in the log: their grace has to pass."""

    def missing() -> set[str]:
        run_sealer(pipeline)
        sealed = {
            key.entry_id for batch in sealed_ledger(pipeline).batches.newest_first() for key in batch.entries
        }
        return entry_ids - sealed

    eventually(missing, lambda left: not left, pause=1)
