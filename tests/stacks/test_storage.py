"""State survives, and the ledger cannot be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.stacks.templates import as_list, short_name

if TYPE_CHECKING:
    from tests.stacks.templates import Assembly

STATEFUL = ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::SecretsManager::Secret")
DEPLOYMENT_ROLE = (
    "arn:AWS::Partition:iam::AWS::AccountId:role/cdk-hnb659fds-cfn-exec-role-AWS::AccountId-AWS::Region"
)


@pytest.mark.parametrize("environment", ["prod", "staging"])
def test_whatever_holds_state_is_kept_when_its_stack_goes(
    assemblies: dict[str, Assembly], environment: str
) -> None:
    for type_ in STATEFUL:
        kept = assemblies[environment].resources(type_, "storage")
        assert kept
        for resource in kept.values():
            assert resource["UpdateReplacePolicy"] == "Retain"
            # a secret's name is fixed: what a failed first deployment made must not be in its next try's way
            named = type_ != "AWS::DynamoDB::Table"
            assert resource["DeletionPolicy"] == ("RetainExceptOnCreate" if named else "Retain")


def test_an_ephemeral_environment_can_be_destroyed_whole(local: Assembly) -> None:
    for type_ in STATEFUL:
        for resource in local.resources(type_).values():
            assert resource["DeletionPolicy"] == "Delete"
    for table in local.resources("AWS::DynamoDB::Table").values():
        assert not table["Properties"].get("DeletionProtectionEnabled")


def test_state_is_in_the_storage_stack_alone(prod: Assembly) -> None:
    for type_ in STATEFUL:
        assert prod.resources(type_) == prod.resources(type_, "storage")


def test_tables_are_protected_and_recoverable(prod: Assembly) -> None:
    for table in prod.resources("AWS::DynamoDB::Table").values():
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["DeletionProtectionEnabled"] is True
        recovery = properties["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}
        assert "TableName" not in properties


@pytest.mark.parametrize(
    ("table", "keys", "indexes"),
    [
        (
            "Orders",
            ["order_id S", "item S"],
            {
                "by_client": ["client S", "accepted_at S", "KEYS_ONLY"],
                "open_orders": ["open S", "accepted_at S", "KEYS_ONLY"],
            },
        ),
        ("Inventory", ["sku S"], {}),
        ("Idempotency", ["id S"], {}),
        (
            "Ledger",
            ["order_id S", "entry_no N"],
            {"by_period": ["period S", "booked_at S", "ALL"]},
        ),
    ],
)
def test_tables_have_the_keys_and_indexes_of_the_contract(
    prod: Assembly, table: str, keys: list[str], indexes: dict[str, list[str]]
) -> None:
    properties = prod.properties("AWS::DynamoDB::Table", table)
    types = {a["AttributeName"]: a["AttributeType"] for a in properties["AttributeDefinitions"]}

    def described(schema: list[dict[str, str]]) -> list[str]:
        return [f"{key['AttributeName']} {types[key['AttributeName']]}" for key in schema]

    assert described(properties["KeySchema"]) == keys
    assert {
        index["IndexName"]: [
            *described(index["KeySchema"]),
            index["Projection"]["ProjectionType"],
        ]
        for index in properties.get("GlobalSecondaryIndexes", [])
    } == indexes


def test_only_idempotency_records_expire(prod: Assembly) -> None:
    expiring = {
        name: table["Properties"]["TimeToLiveSpecification"]
        for name, table in prod.resources("AWS::DynamoDB::Table").items()
        if "TimeToLiveSpecification" in table["Properties"]
    }
    assert expiring == {"Idempotency": {"AttributeName": "expiration", "Enabled": True}}


def ledger_policy(assembly: Assembly) -> dict[str, dict[str, Any]]:
    properties = assembly.properties("AWS::DynamoDB::Table", "Ledger")
    return {
        statement["Sid"]: statement
        for statement in properties["ResourcePolicy"]["PolicyDocument"]["Statement"]
    }


def denied(statement: dict[str, Any]) -> set[str]:
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == {"AWS": "*"}
    return {action.removeprefix("dynamodb:") for action in as_list(statement["Action"])}


def test_nobody_changes_an_entry_or_deletes_the_ledger(prod: Assembly) -> None:
    statement = ledger_policy(prod)["EntriesAreNeverChanged"]
    assert "Condition" not in statement
    assert denied(statement) == {
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "PartiQLUpdate",
        "PartiQLDelete",
        "UpdateTimeToLive",
        "DeleteTable",
    }


def test_only_the_deployment_role_changes_the_ledgers_settings(prod: Assembly) -> None:
    statement = ledger_policy(prod)["OnlyDeploymentChangesTheTable"]
    # To everybody, these would lock CloudFormation out of its own table.
    assert denied(statement) == {
        "UpdateTable",
        "PutResourcePolicy",
        "DeleteResourcePolicy",
        "UpdateContinuousBackups",
    }
    ((operator, condition),) = statement["Condition"].items()
    assert operator == "ArnNotEquals"
    ((key, role),) = condition.items()
    assert key == "aws:PrincipalArn"
    parts = role["Fn::Join"][1]
    assert "".join(part if isinstance(part, str) else part["Ref"] for part in parts) == (DEPLOYMENT_ROLE)


def test_an_ephemeral_ledger_can_be_deleted_by_its_deployment_alone(local: Assembly) -> None:
    policy = ledger_policy(local)
    assert "DeleteTable" not in denied(policy["EntriesAreNeverChanged"])
    assert "DeleteTable" in denied(policy["OnlyDeploymentChangesTheTable"])


def test_the_policy_leaves_the_one_way_to_append(prod: Assembly) -> None:
    every = set.union(*(denied(statement) for statement in ledger_policy(prod).values()))
    assert not every & {"PartiQLInsert", "PartiQLSelect", "GetItem", "Query", "*"}


def test_queues_keep_encrypt_and_redrive(prod: Assembly) -> None:
    orders = prod.properties("AWS::SQS::Queue", "QueuesOrders")
    letters = prod.properties("AWS::SQS::Queue", "QueuesDeadLetters")
    day = 24 * 60 * 60
    assert orders["MessageRetentionPeriod"] == 4 * day
    assert letters["MessageRetentionPeriod"] == 14 * day
    assert orders["RedrivePolicy"]["maxReceiveCount"] == 4
    assert short_name(orders["RedrivePolicy"]["deadLetterTargetArn"]) == "QueuesDeadLetters"
    assert orders["SqsManagedSseEnabled"] is letters["SqsManagedSseEnabled"] is True


def test_queues_refuse_plain_http(prod: Assembly) -> None:
    policies = prod.resources("AWS::SQS::QueuePolicy")
    assert {short_name(p["Properties"]["Queues"][0]) for p in policies.values()} == {
        "QueuesOrders",
        "QueuesDeadLetters",
    }
    for policy in policies.values():
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_secrets_start_as_made_up_placeholders(prod: Assembly) -> None:
    for name in ("payment", "warehouse"):
        secret = prod.properties("AWS::SecretsManager::Secret", f"{name.capitalize()}Secret")
        assert secret["Name"] == f"orders/prod/{name}"
        assert "SecretString" not in secret
        assert secret["GenerateSecretString"]
