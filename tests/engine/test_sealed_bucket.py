"""Buckets that keep what is in them, and keys (shims `object_lock`, `conditional_write`, `principal_arn`)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine.cloud import ACCOUNT, Cloud, allow, unique

pytestmark = pytest.mark.engine

NOT_OVERWRITING = {"Null": {"s3:if-none-match": "true"}}


def refusal(call: Any, **parameters: Any) -> str:
    """The code with which a call is refused; "" when it is not."""
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def denial(action: str, resource: str, condition: dict[str, Any] | None = None) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}
    statements = [statement | ({"Condition": condition} if condition else {})]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def bucket_with(cloud: Cloud, action: str, condition: dict[str, Any] | None = None) -> str:
    """A bucket whose policy denies an action on its objects."""
    name = unique("bucket")
    cloud.buckets.create_bucket(Bucket=name)
    cloud.buckets.put_bucket_policy(Bucket=name, Policy=denial(action, f"arn:aws:s3:::{name}/*", condition))
    return name


def locked_bucket(cloud: Cloud) -> str:
    """A bucket with Object Lock that a template made."""
    bucket = {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "ObjectLockEnabled": True,
            "VersioningConfiguration": {"Status": "Enabled"},
            "ObjectLockConfiguration": {
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
            },
        },
    }
    name = unique("stack")
    template = {"Resources": {"Bucket": bucket}, "Outputs": {"Name": {"Value": {"Ref": "Bucket"}}}}
    cloud.stacks.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloud.stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    (stack,) = cloud.stacks.describe_stacks(StackName=name)["Stacks"]
    return str(stack["Outputs"][0]["OutputValue"])


def delete_version(cloud: Cloud, bucket: str) -> str:
    version = cloud.buckets.put_object(Bucket=bucket, Key="a", Body=b"1")["VersionId"]
    return refusal(cloud.buckets.delete_object, Bucket=bucket, Key="a", VersionId=version)


def test_what_is_in_a_locked_bucket_cannot_be_deleted(mended: Cloud) -> None:
    assert delete_version(mended, locked_bucket(mended)) == "AccessDenied"


def test_the_installed_engine_makes_the_bucket_without_its_lock(unmended: Cloud) -> None:
    assert delete_version(unmended, locked_bucket(unmended)) == ""


def put(cloud: Cloud, bucket: str, key: str = "a", **parameters: Any) -> str:
    return refusal(cloud.buckets.put_object, Bucket=bucket, Key=key, Body=b"1", **parameters)


def test_a_bucket_can_refuse_every_write_that_might_overwrite(mended: Cloud) -> None:
    bucket = bucket_with(mended, "s3:PutObject", NOT_OVERWRITING)
    user = mended.user(allow("s3:*"))
    assert put(user, bucket) == "AccessDenied"
    assert put(user, bucket, IfNoneMatch="*") == ""
    assert put(user, bucket, IfNoneMatch="*") == "PreconditionFailed"


def test_the_installed_engine_refuses_the_others_too(unmended: Cloud) -> None:
    bucket = bucket_with(unmended, "s3:PutObject", NOT_OVERWRITING)
    assert put(unmended.user(allow("s3:*")), bucket, IfNoneMatch="*") == "AccessDenied"


def excepted_session(cloud: Cloud) -> tuple[Cloud, str]:
    """A session of the one role that may write to a bucket."""
    name = unique("role")
    role = cloud.role(name, allow("s3:*"))
    condition = {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/{name}"}}
    return cloud.assume(role), bucket_with(cloud, "s3:PutObject", condition)


def test_a_policy_that_excepts_a_role_excepts_its_sessions(mended: Cloud) -> None:
    session, bucket = excepted_session(mended)
    assert put(session, bucket) == ""
    assert put(mended.user(allow("s3:*")), bucket) == "AccessDenied"


def test_the_installed_engine_excepts_nobody(unmended: Cloud) -> None:
    session, bucket = excepted_session(unmended)
    assert put(session, bucket) == "AccessDenied"


def test_a_buckets_policy_binds_root_who_can_still_change_it(mended: Cloud) -> None:
    bucket = bucket_with(mended, "s3:*")
    assert put(mended, bucket) == "AccessDenied"
    mended.buckets.delete_bucket_policy(Bucket=bucket)
    assert put(mended, bucket) == ""


def test_the_installed_engine_binds_root_by_no_policy(unmended: Cloud) -> None:
    assert put(unmended, bucket_with(unmended, "s3:*")) == ""


def key_that_denies(cloud: Cloud) -> dict[str, Any]:
    """A key with which nobody signs; what to sign with it."""
    account = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    statements = [
        {"Effect": "Allow", "Principal": account, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*"},
    ]
    made = cloud.keys.create_key(
        KeySpec="ECC_NIST_EDWARDS25519",
        KeyUsage="SIGN_VERIFY",
        Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    return {
        "KeyId": made["KeyMetadata"]["Arn"],
        "Message": b"m",
        "MessageType": "RAW",
        "SigningAlgorithm": "ED25519_SHA_512",
    }


def test_a_keys_policy_binds_root(mended: Cloud) -> None:
    assert refusal(mended.keys.sign, **key_that_denies(mended)) == "AccessDeniedException"


def test_the_installed_engine_lets_root_sign(unmended: Cloud) -> None:
    assert refusal(unmended.keys.sign, **key_that_denies(unmended)) == ""
