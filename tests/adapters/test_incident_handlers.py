"""The entry points behind the pages: what they answer, log and count, also when they could not do it."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.failure_contexts import DynamoFailureContexts
from lambdas.domain.commands import command_text, process_command
from lambdas.domain.identifiers import failure_id_for
from orders.local.standins.pagerduty import PagerDutyStandIn
from orders.local.standins.remote import RemoteControl
from tests.adapters.endpoints import refusing_port
from tests.adapters.examples import an_order
from tests.adapters.tables import FAILURES, ORDERS
from tests.fakes.failures_made import AT_CAPTURE
from tests.fakes.fresh_metrics import with_fresh_metrics
from tests.standins.pages import KEY, incidents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from lambdas.adapters.dynamodb.claims import DynamoOrderStore

ORDER = an_order()
FAILURE = failure_id_for(ORDER.order_id)
FINGERPRINT = AT_CAPTURE.fingerprint


@dataclass(frozen=True)
class Context:
    """What Powertools' logger and the handlers read of Lambda's context."""

    function_name: str = "replay"
    memory_limit_in_mb: str = "512"
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:replay"
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 50_000


@pytest.fixture
def pages() -> Iterator[PagerDutyStandIn]:
    with PagerDutyStandIn() as running:
        yield running


@pytest.fixture
def buckets(aws: None) -> None:  # noqa: ARG001 - moto has to run
    for name in ("archive", "unreadable"):
        region = {"LocationConstraint": "eu-west-1"}
        make_client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=region)
    make_client("secretsmanager").create_secret(Name="pagerduty", SecretString=KEY)


@pytest.fixture
def environment(
    orders: DynamoOrderStore,
    buckets: None,  # noqa: ARG001 - they have to be there
    pages: PagerDutyStandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An order, and what both functions have around them."""
    orders.create(ORDER)
    variables = {
        "ENVIRONMENT": "dev",
        "ORDERS_TABLE": ORDERS,
        "FAILURES_TABLE": FAILURES,
        "ARCHIVE_BUCKET": "archive",
        "UNREADABLE_BUCKET": "unreadable",
        "PAGERDUTY_SECRET_ID": "pagerduty",
        "PAGERDUTY_URL": pages.url,
        "PAGING_GAP_SECONDS": "0",
        "RUNBOOKS": "docs/runbooks",
        "POWERTOOLS_METRICS_NAMESPACE": "Orders",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def load(
    environment: None,  # noqa: ARG001 - set before
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], ModuleType]]:
    """Load a function's module as Lambda does; its logger takes the output that there is then."""
    loaded: list[str] = []

    def load(name: str) -> ModuleType:
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", name)
        with_fresh_metrics(monkeypatch)
        loaded.append(name)
        return importlib.import_module(f"lambdas.{name}.handler")

    yield load
    for name in loaded:
        sys.modules.pop(f"lambdas.{name}.handler", None)
        logging.Logger.manager.loggerDict.pop(name, None)  # it keeps the output of this test


def record(message_id: str, text: str, receives: int = 1) -> dict[str, Any]:
    """A message as Lambda hands it over."""
    return {
        "messageId": message_id,
        "receiptHandle": f"handle of {message_id}",
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": "1763632800000",
            "MessageGroupId": "group-a",
        },
    }


DEAD = record("m-1", command_text(process_command(ORDER.order_id)))


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_batch_is_drained_and_what_cannot_be_read_yet_is_reported(
    load: Callable[[str], ModuleType],
    dynamodb: Any,
    pages: PagerDutyStandIn,
    capsys: pytest.CaptureFixture[str],
) -> None:
    DynamoFailureContexts(dynamodb, FAILURES).keep(FAILURE, "m-1", AT_CAPTURE)
    event = {"Records": [DEAD, record("m-2", "early"), record("m-3", "late", receives=5)]}
    assert load("replay").handle(event, Context()) == {"batchItemFailures": [{"itemIdentifier": "m-2"}]}
    lines = logged(capsys)
    drained = next(line for line in lines if line.get("failure_id") == FAILURE)
    assert (drained["message"], drained["order_id"], drained["title"]) == (
        "dead letter drained",
        ORDER.order_id,
        "capture:LedgerConflict",
    )
    assert [
        line["message_id"] for line in lines if line.get("message") == "dead letter not readable yet"
    ] == ["m-2"]
    assert sum(line.get("message") == "pager told" for line in lines) == 2
    (metrics,) = (line for line in lines if "_aws" in line)
    assert {name: metrics[name] for name in ("LettersKept", "FailuresQuarantined", "AlertsRefused")} == {
        "LettersKept": [1.0],
        "FailuresQuarantined": [0.0],
        "AlertsRefused": [0.0],
    }
    assert (metrics["service"], metrics["environment"]) == ("replay", "dev")
    assert "early" not in json.dumps(lines)
    assert "late" not in json.dumps(lines).replace("latency", "")
    assert len(incidents(RemoteControl(pages.url))) == 2


def test_a_batch_that_is_drained_again_changes_nothing(
    load: Callable[[str], ModuleType], dynamodb: Any, pages: PagerDutyStandIn
) -> None:
    event, replay = {"Records": [DEAD]}, load("replay")
    replay.handle(event, Context())
    before = dynamodb.scan(TableName=FAILURES)["Items"]
    assert replay.handle(event, Context()) == {"batchItemFailures": []}
    assert dynamodb.scan(TableName=FAILURES)["Items"] == before
    (incident,) = incidents(RemoteControl(pages.url))
    assert incident["alerts"] == 1


def test_a_batch_of_which_all_stays_because_of_us_is_an_error(
    load: Callable[[str], ModuleType], dynamodb: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    dynamodb.delete_table(TableName=FAILURES)
    replay = load("replay")
    with pytest.raises(replay.NothingDrained):
        replay.handle({"Records": [DEAD]}, Context())
    lines = logged(capsys)
    stays = next(line for line in lines if line.get("message") == "dead letter stays")
    assert (stays["level"], stays["order_id"]) == ("ERROR", ORDER.order_id)
    (metrics,) = (line for line in lines if "_aws" in line)
    assert metrics["LettersKept"] == [1.0]


def test_a_batch_of_what_cannot_be_read_yet_is_no_error_of_ours(load: Callable[[str], ModuleType]) -> None:
    answer = load("replay").handle({"Records": [record("m-2", "early")]}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-2"}]}


def test_a_run_tells_pagerduty_and_counts_what_is_open(
    load: Callable[[str], ModuleType],
    dynamodb: Any,
    pages: PagerDutyStandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    DynamoFailureContexts(dynamodb, FAILURES).keep(FAILURE, "m-1", AT_CAPTURE)
    monkeypatch.setenv("PAGERDUTY_URL", f"http://127.0.0.1:{refusing_port()}")
    load("replay").handle({"Records": [DEAD]}, Context())
    assert incidents(RemoteControl(pages.url)) == []
    monkeypatch.setenv("PAGERDUTY_URL", pages.url)
    capsys.readouterr()
    report = load("alert").handle({}, Context())
    assert report == {
        "open": 1,
        "groups": 1,
        "resolved": 0,
        "let_go": 0,
        "pending": 0,
        "told": {FINGERPRINT: "triggered"},
        "fault": None,
    }
    summary, metrics = logged(capsys)
    assert summary["message"] == "incidents reconciled"
    assert {name: metrics[name] for name in ("OpenFailures", "AlertsPending", "AlertsRefused")} == {
        "OpenFailures": [1.0],
        "AlertsPending": [0.0],
        "AlertsRefused": [0.0],
    }
    assert (metrics["service"], metrics["environment"]) == ("alert", "dev")
    (incident,) = incidents(RemoteControl(pages.url))
    assert incident["custom_details"]["command"] == f"orders dlq plan --group {FINGERPRINT} --env dev"


def test_a_run_that_could_not_look_at_all_fails_after_its_report_and_counts_nothing(
    load: Callable[[str], ModuleType], dynamodb: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    dynamodb.delete_table(TableName=FAILURES)
    alert = load("alert")
    with pytest.raises(alert.ReconciliationIncomplete, match="ResourceNotFound"):
        alert.handle({}, Context())
    summary, metrics = logged(capsys)
    assert summary["fault"] == "ResourceNotFoundException"
    assert "OpenFailures" not in metrics
    assert metrics["AlertsRefused"] == [0.0]
