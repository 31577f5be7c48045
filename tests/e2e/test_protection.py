"""The deployed policies of ledger, log and key: nobody changes or deletes, an administrator neither.

Here is tried what the embedded engine evaluates: as every deployed role, as an administrator, and as the
account's root. The engine does not ask a table's policy about changes of that policy. Those, what production
denies beyond an environment that can be thrown away, and all other ways, are evaluated in
tests/stacks/test_protection.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import ClientError

from lambdas.domain.sealing import checkpoint_path
from tests.e2e.bodies import body
from tests.e2e.conftest import ended
from tests.e2e.sealing import seal_everything, sealed_ledger
from tests.engine.cloud import Cloud, allow
from tests.stacks.templates import without_hash

if TYPE_CHECKING:
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

Calls = dict[str, dict[str, Any]]

REFUSED: Final = frozenset({"AccessDenied", "AccessDeniedException"})
# As on AWS: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
KEPT_BY_ROOT: Final = frozenset({"put_bucket_policy", "delete_bucket_policy"})
POLICY: Final = '{"Version": "2012-10-17", "Statement": []}'


def on_the_ledger(pipeline: Pipeline, entry: dict[str, Any]) -> Calls:
    table = pipeline.addresses.outputs["LedgerTableName"]
    key: dict[str, Any] = {"order_id": entry["order_id"], "entry_no": entry["entry_no"]}
    where = f"WHERE order_id = '{entry['order_id']['S']}' AND entry_no = 1"
    return {
        "put_item": {"TableName": table, "Item": {**entry, "kind": {"S": "forged"}}},
        "delete_item": {"TableName": table, "Key": key},
        "update_item": {
            "TableName": table,
            "Key": key,
            "UpdateExpression": "SET kind = :k",
            "ExpressionAttributeValues": {":k": {"S": "forged"}},
        },
        "batch_write_item": {"RequestItems": {table: [{"DeleteRequest": {"Key": key}}]}},
        "transact_write_items": {"TransactItems": [{"Delete": {"TableName": table, "Key": key}}]},
        "execute_statement": {"Statement": f'DELETE FROM "{table}" {where}'},
        "batch_execute_statement": {"Statements": [{"Statement": f'DELETE FROM "{table}" {where}'}]},
        "execute_transaction": {
            "TransactStatements": [{"Statement": f"UPDATE \"{table}\" SET kind = 'forged' {where}"}]
        },
        "update_time_to_live": {
            "TableName": table,
            "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "entry_no"},
        },
        "update_table": {"TableName": table, "DeletionProtectionEnabled": False},
        "update_continuous_backups": {
            "TableName": table,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False},
        },
        "delete_table": {"TableName": table},
    }


def on_the_log(pipeline: Pipeline, size: int) -> Calls:
    bucket, file = pipeline.addresses.outputs["LogBucketName"], checkpoint_path(size)
    version = pipeline.aws("s3").head_object(Bucket=bucket, Key=file)["VersionId"]
    return {
        "put_object": {"Bucket": bucket, "Key": file, "Body": b"forged"},
        "delete_object": {"Bucket": bucket, "Key": file, "VersionId": version},
        "put_bucket_versioning": {
            "Bucket": bucket,
            "VersioningConfiguration": {"Status": "Suspended"},
        },
        "put_bucket_lifecycle_configuration": {
            "Bucket": bucket,
            "LifecycleConfiguration": {
                "Rules": [{"ID": "all", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}]
            },
        },
        "put_object_lock_configuration": {"Bucket": bucket, "ObjectLockConfiguration": {}},
        "put_bucket_policy": {"Bucket": bucket, "Policy": POLICY},
        "delete_bucket_policy": {"Bucket": bucket},
        "delete_bucket": {"Bucket": bucket},
    }


def on_the_key(pipeline: Pipeline) -> Calls:
    key = pipeline.addresses.outputs["LogKeyArn"]
    return {
        "sign": {
            "KeyId": key,
            "Message": b"forged",
            "MessageType": "RAW",
            "SigningAlgorithm": "ED25519_SHA_512",
        },
        "disable_key": {"KeyId": key},
        "schedule_key_deletion": {"KeyId": key, "PendingWindowInDays": 7},
        "put_key_policy": {"KeyId": key, "PolicyName": "default", "Policy": POLICY},
    }


def callers(pipeline: Pipeline) -> dict[str, Cloud]:
    """Root, an administrator, and every role that is deployed."""
    root = Cloud(pipeline.addresses.engine_url)
    names = [r["RoleName"] for r in root.iam.list_roles()["Roles"] if r["RoleName"].startswith("orders-")]
    # <stack>-<logical id>-<random>, but the names of roles for people, which are fixed
    deployed = {
        without_hash(name.split("-")[-2]) if "Role" in name else name: in_role(root, name) for name in names
    }
    assert {"PaymentRole", "SealRole", "orders-local-auditor"} <= set(deployed)
    return {"root": root, "administrator": root.user(allow("*"))} | deployed


def in_role(root: Cloud, name: str) -> Cloud:
    """A session of the role; where only a schedule of ours may have one, a user with its policies."""
    if "SchedulerRole" not in name:
        return root.assume(root.iam.get_role(RoleName=name)["Role"]["Arn"])
    policies = root.iam.list_role_policies(RoleName=name)["PolicyNames"]
    documents = [
        root.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in policies
    ]
    return root.user(*(statement for document in documents for statement in document["Statement"]))


def outcome(client: Any, operation: str, parameters: dict[str, Any]) -> str:
    """The code of a refusal that is not for want of permission, "done", or nothing."""
    try:
        getattr(client, operation)(**parameters)
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        return "" if code in REFUSED else code
    return "done"


def test_nobody_changes_or_deletes_an_entry_a_file_or_the_key(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("auditor")
    order_id = ended(client, client.submit(body((mug, 1)), "booked").order["order_id"])["order_id"]
    (entry,) = pipeline.entries(order_id)
    seal_everything(pipeline, {entry["entry_id"]["S"]})
    log = sealed_ledger(pipeline)
    size = log.sizes()[-1]
    note = log.note(size)
    attempts = {
        "dynamodb": on_the_ledger(pipeline, entry),
        "buckets": on_the_log(pipeline, size),
        "keys": on_the_key(pipeline),
    }
    not_refused = {
        (name, operation): said
        for name, cloud in callers(pipeline).items()
        for service, calls in attempts.items()
        for operation, parameters in calls.items()
        if (name, operation) != ("SealRole", "sign")
        and not (name == "root" and operation in KEPT_BY_ROOT)
        and (said := outcome(getattr(cloud, service), operation, parameters))
    }
    assert not_refused == {}
    assert pipeline.entries(order_id) == [entry]
    assert log.note(size) == note
