"""The functions, the state machine and the event source mapping as the contract has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.stacks.templates import short_name

if TYPE_CHECKING:
    from tests.stacks.templates import Assembly

TIMEOUTS: Final = {
    "Ingest": 10,
    "Dispatch": 200,
    "Validate": 5,
    "Payment": 10,
    "Fulfil": 10,
    "Watchdog": 50,
    "Replay": 60,
    "Alert": 50,
    "Seal": 120,
}
INCIDENTS: Final = {
    "ORDERS_TABLE": "Orders",
    "FAILURES_TABLE": "Failures",
    "PAGERDUTY_SECRET_ID": "PagerDutySecret",
    "PAGERDUTY_URL": "https://events.pagerduty.com",
    "PAGING_GAP_SECONDS": "55",
    "RUNBOOKS": "docs/runbooks",
}
ENVIRONMENT: Final[dict[str, dict[str, str]]] = {
    "Ingest": {
        "ORDERS_TABLE": "Orders",
        "INVENTORY_TABLE": "Inventory",
        "ORDERS_QUEUE_URL": "QueuesOrders",
        "AUTH_MODE": "iam",
    },
    "Dispatch": {
        "STATE_MACHINE_ARN": "ProcessMachine",
        "ORDERS_QUEUE_URL": "QueuesOrders",
        "ORDERS_TABLE": "Orders",
        "MAX_RECEIVES": "4",
        "STARTS_PER_SECOND": "4",
        "REDELIVERY_DELAYS": "30,120,600",
        "IDEMPOTENCY_TABLE": "Idempotency",
        "PROBE_SECONDS": "30",
        "FAILURES_TABLE": "Failures",
    },
    "Validate": {
        "ORDERS_TABLE": "Orders",
        "INVENTORY_TABLE": "Inventory",
        "CLAIM_SECONDS": "240",
    },
    "Payment": {
        "ORDERS_TABLE": "Orders",
        "LEDGER_TABLE": "Ledger",
        "IDEMPOTENCY_TABLE": "Idempotency",
        "PAYMENT_SECRET_ID": "PaymentSecret",
        "PAYMENT_API_BASE": "https://api.stripe.com",
    },
    "Fulfil": {
        "ORDERS_TABLE": "Orders",
        "INVENTORY_TABLE": "Inventory",
        "WAREHOUSE_SECRET_ID": "WarehouseSecret",
        "WAREHOUSE_URL": "WarehouseUrl",
    },
    "Watchdog": {
        "ORDERS_TABLE": "Orders",
        "ORDERS_QUEUE_URL": "QueuesOrders",
        "STALE_MINUTES": "30",
        "AUTHORISATION_WARNING_DAYS": "3",
        "AUTHORISATION_EXPIRY_DAYS": "5",
    },
    "Replay": {
        **INCIDENTS,
        "ARCHIVE_BUCKET": "Archive",
        "UNREADABLE_BUCKET": "Unreadable",
    },
    "Alert": INCIDENTS,
    "Seal": {
        "LEDGER_TABLE": "Ledger",
        "LOG_TABLE": "LogTable",
        "LOG_BUCKET": "LogBucket",
        "LOG_KEY_ID": "LogKey",
        "LOG_ORIGIN": "orders-prod/ledger/AWS::AccountId/AWS::Region",
        "GRACE_SECONDS": "900",
        "LEDGER_SINCE": "2026-11-01",
    },
}
OUTPUTS: Final = {
    "ApiUrl",
    "OrdersQueueUrl",
    "DeadLetterQueueUrl",
    "OrdersTableName",
    "InventoryTableName",
    "IdempotencyTableName",
    "LedgerTableName",
    "FailuresTableName",
    "OperationsTableName",
    "ArchiveBucketName",
    "UnreadableBucketName",
    "StateMachineArn",
    "EventBusName",
    "PaymentSecretName",
    "WarehouseSecretName",
    "PagerDutySecretName",
    "PaymentApiUrl",
    "WarehouseApiUrl",
    "PagerDutyApiUrl",
    "OperatorRoleArn",
    "AuditorRoleArn",
    "LogTableName",
    "SealMinutes",
    "LogBucketName",
    "LogKeyArn",
    "LogOrigin",
    "SealFunctionName",
    "SealGraceSeconds",
    "LedgerSince",
}


def function(assembly: Assembly, name: str) -> dict[str, Any]:
    return assembly.properties("AWS::Lambda::Function", f"{name}Function")


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_functions_get_the_environment_of_the_contract(prod: Assembly, name: str) -> None:
    variables = function(prod, name)["Environment"]["Variables"]
    assert ("CODE_VERSION" in variables) is (name == "Dispatch")
    assert {key: short_name(value) for key, value in variables.items() if key != "CODE_VERSION"} == {
        **ENVIRONMENT[name],
        "ENVIRONMENT": "prod",
        "POWERTOOLS_SERVICE_NAME": name.lower(),
        "POWERTOOLS_METRICS_NAMESPACE": "Orders",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def test_dispatch_knows_which_code_it_runs(prod: Assembly) -> None:
    """Every failure says which version it happened to."""
    version = function(prod, "Dispatch")["Environment"]["Variables"]["CODE_VERSION"]
    assert re.fullmatch("[0-9a-f]{12}", version)


@pytest.mark.parametrize("name", TIMEOUTS)
def test_functions_are_traced_logged_and_timed(prod: Assembly, name: str) -> None:
    properties = function(prod, name)
    assert properties["Timeout"] == TIMEOUTS[name]
    assert properties["Handler"] == f"lambdas.{name.lower()}.handler.handle"
    assert properties["Runtime"] == "python3.13"
    assert properties["Architectures"] == ["arm64"]
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert short_name(properties["LoggingConfig"]["LogGroup"]) == f"{name}Logs"


def test_payment_alone_has_an_artefact_of_its_own(prod: Assembly) -> None:
    keys = {name: function(prod, name)["Code"]["S3Key"] for name in TIMEOUTS}
    payment = keys.pop("Payment")
    assert len(set(keys.values())) == 1
    assert payment not in keys.values()


def test_every_log_group_forgets(prod: Assembly) -> None:
    groups = prod.resources("AWS::Logs::LogGroup")
    assert len(groups) == 11
    assert {group["Properties"]["RetentionInDays"] for group in groups.values()} == {90}


def test_the_workflow_calls_versions(prod: Assembly) -> None:
    machine = prod.properties("AWS::StepFunctions::StateMachine", "ProcessMachine")
    substitutions = machine["DefinitionSubstitutions"]
    assert {key: short_name(value) for key, value in substitutions.items()} == {
        "ValidateFunction": "ValidateFunctionCurrentVersion",
        "PaymentFunction": "PaymentFunctionCurrentVersion",
        "FulfilFunction": "FulfilFunctionCurrentVersion",
        "EventBus": "Bus",
        "EventSource": "orders.prod",
    }
    versions = prod.resources("AWS::Lambda::Version")
    assert len(versions) == 3
    assert {version["DeletionPolicy"] for version in versions.values()} == {"RetainExceptOnCreate"}


def test_the_workflow_logs_errors_and_no_data(prod: Assembly) -> None:
    machine = prod.properties("AWS::StepFunctions::StateMachine", "ProcessMachine")
    assert machine["StateMachineType"] == "EXPRESS"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    logging = machine["LoggingConfiguration"]
    assert logging["Level"] == "ERROR"
    assert not logging.get("IncludeExecutionData")


def test_dispatch_takes_batches_and_reports_what_failed(prod: Assembly) -> None:
    mapping = prod.properties("AWS::Lambda::EventSourceMapping", "DispatchOrders")
    assert short_name(mapping["EventSourceArn"]) == "QueuesOrders"
    assert short_name(mapping["FunctionName"]) == "DispatchFunction"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 10
    concurrency = mapping["ScalingConfig"]["MaximumConcurrency"]
    assert concurrency == 5
    assert function(prod, "Dispatch")["ReservedConcurrentExecutions"] >= concurrency


def test_the_local_runs_addresses_are_parameters_that_publish_versions(local: Assembly) -> None:
    parameters = local.templates["workflow"]["Parameters"]
    assert {name: p.get("Default") for name, p in parameters.items()} == {
        "PaymentApiBase": "http://127.0.0.1:12111",
        "WarehouseUrl": "http://127.0.0.1:12112",
        "PagerDutyUrl": "http://127.0.0.1:12113",
    }
    versions = local.resources("AWS::Lambda::Version")
    described = {name: short_name(v["Properties"].get("Description", "")) for name, v in versions.items()}
    assert described["PaymentFunctionCurrentVersion"] == "PaymentApiBase"
    assert described["FulfilFunctionCurrentVersion"] == "WarehouseUrl"


def test_an_address_that_is_a_setting_is_in_the_template_itself(prod: Assembly) -> None:
    """`cdk deploy` keeps a parameter's previous value: a changed default would never be heard."""
    assert set(prod.templates["workflow"]["Parameters"]) == {"WarehouseUrl"}
    variables = function(prod, "Payment")["Environment"]["Variables"]
    assert variables["PAYMENT_API_BASE"] == "https://api.stripe.com"


def test_an_address_that_nobody_set_cannot_be_forgotten(prod: Assembly) -> None:
    assert "Default" not in prod.templates["workflow"]["Parameters"]["WarehouseUrl"]


@pytest.mark.parametrize("environment", ["local", "prod"])
def test_the_outputs_are_those_of_the_contract(assemblies: dict[str, Assembly], environment: str) -> None:
    beside = {"AlarmTopicArn"} if environment == "prod" else set()
    assert set(assemblies[environment].outputs()) == OUTPUTS | beside
