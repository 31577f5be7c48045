"""Each role may do exactly what its function calls, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from stacks.timeouts import FUNCTION_SECONDS
from tests.stacks.templates import Call, as_list, short_name

if TYPE_CHECKING:
    from tests.stacks.templates import Assembly

IN_TRANSACTION: Final = "ExecuteTransaction"

# Neither knows resources (see where the statements are made).
TRACES: Final = {
    ("xray:PutTraceSegments", "*", None),
    ("xray:PutTelemetryRecords", "*", None),
}
LOG_DELIVERY: Final = {
    (f"logs:{call}", "*", None)
    for call in (
        "CreateLogDelivery",
        "GetLogDelivery",
        "UpdateLogDelivery",
        "DeleteLogDelivery",
        "ListLogDeliveries",
        "PutResourcePolicy",
        "DescribeResourcePolicies",
        "DescribeLogGroups",
    )
}


def calls(service: str, names: str, resource: str, within: str | None = None) -> set[Call]:
    return {(f"{service}:{name}", resource, within) for name in names.split()}


def function_calls(function: str) -> set[Call]:
    return TRACES | calls("logs", "CreateLogStream PutLogEvents", f"{function}Logs")


ROLES: Final[dict[str, set[Call]]] = {
    "IngestRole": function_calls("Ingest")
    | calls("dynamodb", "GetItem PutItem UpdateItem BatchGetItem Query", "Orders")
    | calls("dynamodb", "Query", "Orders/index/by_client")
    | calls("dynamodb", "BatchGetItem", "Inventory")
    | calls("sqs", "SendMessage", "QueuesOrders"),
    "DispatchRole": function_calls("Dispatch")
    | calls("states", "StartSyncExecution", "ProcessMachine")
    | calls(
        "sqs",
        "ReceiveMessage DeleteMessage GetQueueAttributes ChangeMessageVisibility SendMessage",
        "QueuesOrders",
    )
    | calls("dynamodb", "UpdateItem", "Orders")
    | calls("dynamodb", "PutItem", "Failures")
    | calls("dynamodb", "GetItem PutItem", "Idempotency"),
    "ValidateRole": function_calls("Validate")
    | calls("dynamodb", "UpdateItem GetItem", "Orders")
    | calls("dynamodb", "BatchGetItem", "Inventory"),
    "PaymentRole": function_calls("Payment")
    | calls("dynamodb", "GetItem UpdateItem", "Orders")
    | calls("dynamodb", "PartiQLUpdate", "Orders", IN_TRANSACTION)
    | calls("dynamodb", "PartiQLInsert", "Ledger", IN_TRANSACTION)
    | calls("dynamodb", "GetItem", "Ledger")
    | calls("dynamodb", "GetItem PutItem UpdateItem DeleteItem", "Idempotency")
    | calls("secretsmanager", "GetSecretValue", "PaymentSecret"),
    "FulfilRole": function_calls("Fulfil")
    | calls("dynamodb", "GetItem Query UpdateItem PutItem DeleteItem ConditionCheckItem", "Orders")
    | calls("dynamodb", "UpdateItem BatchGetItem", "Inventory")
    | calls("secretsmanager", "GetSecretValue", "WarehouseSecret"),
    "WatchdogRole": function_calls("Watchdog")
    | calls("dynamodb", "GetItem BatchGetItem Query UpdateItem", "Orders")
    | calls("dynamodb", "Query", "Orders/index/open_orders")
    | calls("sqs", "SendMessage GetQueueAttributes", "QueuesOrders"),
    # It signs by the key's policy: see test_seal_stack.
    "SealRole": function_calls("Seal")
    | calls("dynamodb", "BatchGetItem", "Ledger")
    | calls("dynamodb", "Query", "Ledger/index/by_period")
    | calls("dynamodb", "GetItem PutItem Query", "LogTable")
    | calls("s3", "GetObject PutObject", "arn:AWS::Partition:s3:::LogBucket/*")
    | calls("s3", "ListBucket", "arn:AWS::Partition:s3:::LogBucket"),
    "SealSchedulerRole": calls("lambda", "InvokeFunction", "SealFunction"),
    "WatchdogSchedulerRole": calls("lambda", "InvokeFunction", "WatchdogFunction"),
    "ReplayRole": function_calls("Replay")
    | calls("sqs", "ReceiveMessage DeleteMessage GetQueueAttributes", "QueuesDeadLetters")
    | calls("dynamodb", "GetItem PutItem UpdateItem", "Failures")
    | calls("dynamodb", "GetItem", "Orders")
    | calls("s3", "PutObject", "Archive/letters/*")
    | calls("s3", "PutObject", "Unreadable/unreadable/*")
    | calls("secretsmanager", "GetSecretValue", "PagerDutySecret"),
    "AlertRole": function_calls("Alert")
    | calls("dynamodb", "GetItem PutItem UpdateItem", "Failures")
    | calls("dynamodb", "Query", "Failures/index/by_list")
    | calls("dynamodb", "GetItem BatchGetItem", "Orders")
    | calls("secretsmanager", "GetSecretValue", "PagerDutySecret"),
    "AlertSchedulerRole": calls("lambda", "InvokeFunction", "AlertFunction"),
    "ProcessRole": TRACES
    | LOG_DELIVERY
    | calls("xray", "GetSamplingRules GetSamplingTargets", "*")
    # any version, never the unqualified function: executions under way call the one they started with
    | calls("lambda", "InvokeFunction", "ValidateFunction:*")
    | calls("lambda", "InvokeFunction", "PaymentFunction:*")
    | calls("lambda", "InvokeFunction", "FulfilFunction:*")
    | calls("events", "PutEvents", "Bus"),
}

STACKS: Final = "arn:AWS::Partition:cloudformation:AWS::Region:AWS::AccountId:stack/orders-prod-*/*"
LOGS: Final = "arn:AWS::Partition:logs:AWS::Region:AWS::AccountId:log-group:/aws/lambda/orders-prod-"
HISTORY: Final = calls("dynamodb", "GetItem Query", "Operations") | calls(
    "dynamodb", "Query", "Operations/index/by_day"
)
PEOPLE: Final[dict[str, set[Call]]] = {
    "OperatorRole": calls("cloudformation", "DescribeStacks", STACKS)
    | calls("dynamodb", "GetItem BatchGetItem Query UpdateItem", "Orders")
    | calls("dynamodb", "BatchGetItem", "Inventory")
    | calls("dynamodb", "BatchGetItem Query", "Ledger")
    | calls("dynamodb", "GetItem BatchGetItem Query PutItem UpdateItem DeleteItem", "Failures")
    | calls("dynamodb", "Query", "Failures/index/by_list")
    | calls("dynamodb", "PartiQLInsert", "Operations")
    | HISTORY
    | calls("sqs", "SendMessage GetQueueAttributes", "QueuesOrders")
    | calls("sqs", "GetQueueAttributes", "QueuesDeadLetters")
    | calls("s3", "GetObject", "Archive/letters/*")
    | calls("s3", "GetObject", "Unreadable/unreadable/*")
    | {("logs:FilterLogEvents", f"{LOGS}{name}:*", None) for name in FUNCTION_SECONDS}
    | calls("secretsmanager", "GetSecretValue", "PaymentSecret")
    | calls("secretsmanager", "GetSecretValue", "WarehouseSecret"),
    "AuditorRole": calls("cloudformation", "DescribeStacks", STACKS)
    | calls("dynamodb", "GetItem BatchGetItem Query", "Ledger")
    | calls("dynamodb", "Query", "Ledger/index/by_period")
    | calls("dynamodb", "GetItem Query", "Failures")
    | calls("dynamodb", "Query", "Failures/index/by_list")
    | HISTORY
    | calls("s3", "GetObject", "Archive/letters/*")
    | calls("dynamodb", "GetItem Query", "LogTable")
    | calls("s3", "ListBucket", "arn:AWS::Partition:s3:::LogBucket")
    | calls("s3", "GetObject", "arn:AWS::Partition:s3:::LogBucket/*")
    | calls("kms", "GetPublicKey", "LogKey"),
}


@pytest.mark.parametrize("role", [*ROLES, *PEOPLE])
def test_a_role_holds_exactly_what_its_function_calls(prod: Assembly, role: str) -> None:
    assert prod.calls(role) == (ROLES | PEOPLE)[role]


def test_dispatch_reaches_the_breaker_and_no_record_of_a_payment(prod: Assembly) -> None:
    (policy,) = prod.resources("AWS::IAM::Role")["DispatchRole"]["Properties"]["Policies"]
    (statement,) = [
        s for s in policy["PolicyDocument"]["Statement"] if short_name(s["Resource"]) == "Idempotency"
    ]
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": "breaker#outside"}
    }


@pytest.mark.parametrize("environment", ["local", "prod", "staging"])
def test_there_is_no_other_role_and_no_policy_beside_the_roles_own(
    assemblies: dict[str, Assembly], environment: str
) -> None:
    assembly = assemblies[environment]
    assert set(assembly.resources("AWS::IAM::Role")) == {*ROLES, *PEOPLE}
    assert not assembly.resources("AWS::IAM::Policy")
    assert not assembly.resources("AWS::IAM::ManagedPolicy")
    for role in assembly.resources("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role["Properties"]


def test_no_action_is_a_wildcard_and_star_stands_only_where_there_are_no_resources(
    prod: Assembly,
) -> None:
    everywhere = set()
    for role in ROLES:
        for action, resource, _ in prod.calls(role):
            assert "*" not in action
            if "*" in resource:
                everywhere.add(action.partition(":")[0])
    # of S3 whatever lies under one prefix, or in the log
    assert everywhere == {"xray", "logs", "lambda", "s3"}


def test_each_role_is_assumed_by_its_own_service_alone(prod: Assembly) -> None:
    services = {
        "ProcessRole": "states",
        "WatchdogSchedulerRole": "scheduler",
        "AlertSchedulerRole": "scheduler",
        "SealSchedulerRole": "scheduler",
    }
    for name in ROLES:
        role = prod.resources("AWS::IAM::Role")[name]
        (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        service = services.get(name, "lambda")
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}


def test_a_role_for_people_is_given_by_the_accounts_own_policies(prod: Assembly) -> None:
    for name in PEOPLE:
        role = prod.properties("AWS::IAM::Role", name)
        assert role["RoleName"] == f"orders-prod-{name.removesuffix('Role').lower()}"
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert short_name(statement["Principal"]["AWS"]) == "arn:AWS::Partition:iam::AWS::AccountId:root"


def test_an_auditor_changes_nothing_and_sees_no_order(prod: Assembly) -> None:
    for action, resource, _ in prod.calls("AuditorRole"):
        assert action.partition(":")[2].startswith(("Get", "BatchGet", "List", "Query", "Describe"))
        assert not resource.startswith(("Orders", "Unreadable", "Payment", "Warehouse"))


@pytest.mark.parametrize("role", ["WatchdogSchedulerRole", "AlertSchedulerRole", "SealSchedulerRole"])
def test_no_other_accounts_schedule_can_use_the_schedulers_role(prod: Assembly, role: str) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html"""
    scheduler = prod.properties("AWS::IAM::Role", role)
    (statement,) = scheduler["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_only_payment_may_write_to_the_ledger_and_only_insert(prod: Assembly) -> None:
    reading = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
    writers = {
        (role, action, within)
        for role in (*ROLES, *PEOPLE)
        for action, resource, within in prod.calls(role)
        if resource.startswith("Ledger") and action not in reading
    }
    assert writers == {("PaymentRole", "dynamodb:PartiQLInsert", IN_TRANSACTION)}


def test_each_function_has_a_role_of_its_own(prod: Assembly) -> None:
    functions = prod.resources("AWS::Lambda::Function")
    assert {name: f["Properties"]["Role"]["Fn::GetAtt"][0][:-8] for name, f in functions.items()} == {
        f"{name}Function": f"{name}Role"
        for name in (
            "Ingest",
            "Dispatch",
            "Validate",
            "Payment",
            "Fulfil",
            "Watchdog",
            "Replay",
            "Alert",
            "Seal",
        )
    }


def test_the_api_may_invoke_ingest_for_its_own_routes_alone(prod: Assembly) -> None:
    permissions = prod.resources("AWS::Lambda::Permission")
    assert len(permissions) == 8
    for permission in permissions.values():
        assert permission["Properties"]["Principal"] == "apigateway.amazonaws.com"
        source = permission["Properties"]["SourceArn"]["Fn::Join"][1]
        assert as_list(source)[-1].startswith("/*/*/v1/")
