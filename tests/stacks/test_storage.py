"""State survives, and neither the ledger nor what operators did can be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.stacks.templates import as_list, short_name

if TYPE_CHECKING:
    from tests.stacks.templates import Assembly

STATEFUL = (
    "AWS::DynamoDB::Table",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::S3::Bucket",
)
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


def test_state_is_in_the_storage_stack_and_in_that_of_the_sealed_log(prod: Assembly) -> None:
    """The log's policies name the sealer's role, so both are in one stack, which is protected as well."""
    for type_ in STATEFUL:
        sealed = prod.resources(type_, "seal")
        assert prod.resources(type_) == prod.resources(type_, "storage") | sealed
        assert set(sealed) <= {"LogTable", "LogBucket"}


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
        ("Failures", ["id S", "item S"], {"by_list": ["list S", "last_seen S", "ALL"]}),
        ("Operations", ["subject S", "at_id S"], {"by_day": ["day S", "at_id S", "ALL"]}),
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


def test_only_idempotency_records_and_what_stands_beside_failures_expire(prod: Assembly) -> None:
    expiring = {
        name: table["Properties"]["TimeToLiveSpecification"]
        for name, table in prod.resources("AWS::DynamoDB::Table").items()
        if "TimeToLiveSpecification" in table["Properties"]
    }
    assert expiring == {
        "Idempotency": {"AttributeName": "expiration", "Enabled": True},
        "Failures": {"AttributeName": "expires_at", "Enabled": True},
    }


@pytest.fixture(params=["Ledger", "Operations"])
def appended(request: pytest.FixtureRequest) -> str:
    """A table that is only appended to."""
    return str(request.param)


def policy_of(assembly: Assembly, appended: str) -> dict[str, dict[str, Any]]:
    properties = assembly.properties("AWS::DynamoDB::Table", appended)
    return {
        statement["Sid"]: statement
        for statement in properties["ResourcePolicy"]["PolicyDocument"]["Statement"]
    }


def denied(statement: dict[str, Any]) -> set[str]:
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == {"AWS": "*"}
    return {action.removeprefix("dynamodb:") for action in as_list(statement["Action"])}


def test_nobody_changes_an_entry_or_deletes_the_table(prod: Assembly, appended: str) -> None:
    statement = policy_of(prod, appended)["EntriesAreNeverChanged"]
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


def test_only_the_deployment_role_changes_the_tables_settings(prod: Assembly, appended: str) -> None:
    statement = policy_of(prod, appended)["OnlyDeploymentChangesTheTable"]
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


def test_an_ephemeral_table_can_be_deleted_by_its_deployment_alone(local: Assembly, appended: str) -> None:
    policy = policy_of(local, appended)
    assert "DeleteTable" not in denied(policy["EntriesAreNeverChanged"])
    assert "DeleteTable" in denied(policy["OnlyDeploymentChangesTheTable"])


def test_the_policy_leaves_the_one_way_to_append(prod: Assembly, appended: str) -> None:
    every = set.union(*(denied(statement) for statement in policy_of(prod, appended).values()))
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
    secrets = prod.resources("AWS::SecretsManager::Secret")
    assert set(secrets) == {"PaymentSecret", "WarehouseSecret", "PagerDutySecret"}
    for id_, resource in secrets.items():
        name, secret = id_.removesuffix("Secret").lower(), resource["Properties"]
        assert secret["Name"] == f"orders/prod/{name}"
        assert "SecretString" not in secret
        assert secret["GenerateSecretString"]


def buckets(assembly: Assembly) -> dict[str, dict[str, Any]]:
    return {name: bucket["Properties"] for name, bucket in assembly.resources("AWS::S3::Bucket").items()}


@pytest.mark.parametrize(("environment", "days"), [("local", 1), ("staging", 1), ("prod", 400)])
def test_the_archive_is_locked_in_governance_mode(
    assemblies: dict[str, Assembly], environment: str, days: int
) -> None:
    archive = buckets(assemblies[environment])["Archive"]
    assert archive["ObjectLockEnabled"] is True
    assert archive["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": days}},
    }
    assert archive["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "LifecycleConfiguration" not in archive


def test_what_nobody_can_read_goes_after_30_days_for_good(prod: Assembly) -> None:
    """It may hold a customer's data: no lock keeps it, and no earlier version stays behind."""
    unreadable = buckets(prod)["Unreadable"]
    assert unreadable["LifecycleConfiguration"] == {"Rules": [{"ExpirationInDays": 30, "Status": "Enabled"}]}
    assert "ObjectLockEnabled" not in unreadable
    assert "VersioningConfiguration" not in unreadable


def test_buckets_are_private_encrypted_and_refuse_plain_http(prod: Assembly) -> None:
    assert set(buckets(prod)) == {"Archive", "Unreadable", "LogBucket"}
    for bucket in buckets(prod).values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        assert "BucketName" not in bucket
    policies = prod.resources("AWS::S3::BucketPolicy")
    assert {short_name(p["Properties"]["Bucket"]) for p in policies.values()} == set(buckets(prod))
    for policy in policies.values():
        tls, version, *_ = policy["Properties"]["PolicyDocument"]["Statement"]
        assert (tls["Effect"], version["Effect"]) == ("Deny", "Deny")
        assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert version["Condition"] == {"NumericLessThan": {"s3:TlsVersion": 1.2}}
