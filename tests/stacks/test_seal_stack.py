"""The sealed log: who writes and signs, and that nobody changes what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stacks.environments import settings_for
from stacks.errors import SettingsError
from stacks.settings import Settings
from stacks.synthesis import synthesise
from tests.stacks.templates import Assembly, as_list, short_name

if TYPE_CHECKING:
    from pathlib import Path

IAM = {"auth": "iam"}


def by_sid(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for statement in document["Statement"] if "Sid" in statement}


def excepted(statement: dict[str, Any]) -> str:
    """The one role that a denial is not for."""
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] in ("*", {"AWS": "*"})
    ((operator, condition),) = statement["Condition"].items()
    ((key, role),) = condition.items()
    assert (operator, key) == ("ArnNotEquals", "aws:PrincipalArn")
    return short_name(role)


def key_policy(assembly: Assembly) -> dict[str, dict[str, Any]]:
    return by_sid(assembly.properties("AWS::KMS::Key", "LogKey")["KeyPolicy"])


def bucket_policy(assembly: Assembly) -> dict[str, dict[str, Any]]:
    return by_sid(assembly.properties("AWS::S3::BucketPolicy", "LogBucketPolicy")["PolicyDocument"])


def test_the_key_signs_by_ed25519_and_is_kept(prod: Assembly) -> None:
    key = prod.resources("AWS::KMS::Key")["LogKey"]
    assert key["Properties"]["KeySpec"] == "ECC_NIST_EDWARDS25519"
    assert key["Properties"]["KeyUsage"] == "SIGN_VERIFY"
    assert key["DeletionPolicy"] == "Retain"


def test_only_the_sealer_signs(prod: Assembly) -> None:
    policy = key_policy(prod)
    signs = policy["TheSealerSigns"]
    assert (short_name(signs["Principal"]["AWS"]), signs["Action"]) == (
        "SealRole",
        ["kms:GetPublicKey", "kms:Sign"],
    )
    assert policy["OnlyTheSealerSigns"]["Action"] == "kms:Sign"
    assert excepted(policy["OnlyTheSealerSigns"]) == "SealRole"


def test_nobody_ends_the_key_and_only_deployment_changes_who_may_use_it(prod: Assembly) -> None:
    policy = key_policy(prod)
    kept = policy["TheKeyIsKept"]
    assert "Condition" not in kept
    assert {"kms:DisableKey", "kms:ScheduleKeyDeletion"} <= set(kept["Action"])
    assert {"kms:PutKeyPolicy", "kms:CreateGrant"} <= set(policy["OnlyDeploymentChangesTheKey"]["Action"])
    assert "cfn-exec-role" in excepted(policy["OnlyDeploymentChangesTheKey"])


def test_by_its_own_policy_no_role_may_do_more_with_the_key_than_read_its_public_half(prod: Assembly) -> None:
    for role in prod.resources("AWS::IAM::Role"):
        actions = {action for action, _, _ in prod.calls(role) if action.startswith("kms:")}
        assert actions == ({"kms:GetPublicKey"} if role == "AuditorRole" else set())


@pytest.mark.parametrize(
    ("environment", "retention"),
    [
        ("prod", {"Mode": "COMPLIANCE", "Days": 3653}),
        ("staging", {"Mode": "GOVERNANCE", "Days": 1}),
        ("local", {"Mode": "GOVERNANCE", "Days": 1}),
    ],
)
def test_the_bucket_locks_what_is_written(
    assemblies: dict[str, Assembly], environment: str, retention: dict[str, Any]
) -> None:
    bucket = assemblies[environment].properties("AWS::S3::Bucket", "LogBucket")
    assert bucket["ObjectLockEnabled"] is True
    assert bucket["ObjectLockConfiguration"]["Rule"] == {"DefaultRetention": retention}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(bucket["PublicAccessBlockConfiguration"].values())


def test_only_the_sealer_writes_and_never_over_a_file(prod: Assembly) -> None:
    policy = bucket_policy(prod)
    assert policy["OnlyTheSealerWrites"]["Action"] == [
        "s3:PutObject",
        "s3:ReplicateDelete",
        "s3:ReplicateObject",
    ]
    assert excepted(policy["OnlyTheSealerWrites"]) == "SealRole"
    overwriting = policy["NoFileIsOverwritten"]
    assert overwriting["Action"] == "s3:PutObject"
    assert overwriting["Condition"] == {"Null": {"s3:if-none-match": "true"}}


def test_nobody_changes_a_file_and_only_deployment_changes_the_bucket(prod: Assembly) -> None:
    policy = bucket_policy(prod)
    files = policy["FilesAreNeverChanged"]
    assert "Condition" not in files
    assert {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention"} <= set(files["Action"])
    changes = set(policy["OnlyDeploymentChangesTheBucket"]["Action"])
    assert {"s3:DeleteBucket", "s3:PutBucketPolicy", "s3:PutBucketObjectLockConfiguration"} <= changes
    assert "cfn-exec-role" in excepted(policy["OnlyDeploymentChangesTheBucket"])


def test_an_ephemeral_environment_can_be_emptied_by_who_may_bypass_governance(local: Assembly) -> None:
    assert "FilesAreNeverChanged" not in bucket_policy(local)
    assert "TheKeyIsKept" not in key_policy(local)
    ends = set(as_list(key_policy(local)["OnlyDeploymentChangesTheKey"]["Action"]))
    assert "kms:ScheduleKeyDeletion" in ends


def test_one_sealer_runs_at_a_time_and_shorter_than_its_interval(prod: Assembly) -> None:
    function = prod.properties("AWS::Lambda::Function", "SealFunction")
    assert function["ReservedConcurrentExecutions"] == 1
    assert (
        prod.properties("AWS::Scheduler::Schedule", "SealSchedule")["ScheduleExpression"] == "rate(5 minutes)"
    )
    assert function["Timeout"] < 5 * 60


def test_a_sealer_that_does_not_run_is_heard_of(prod: Assembly) -> None:
    alarm = prod.properties("AWS::CloudWatch::Alarm", "SealSilent")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert (alarm["TreatMissingData"], alarm["Period"]) == ("breaching", 900)
    assert [short_name(dimension["Value"]) for dimension in alarm["Dimensions"]] == ["SealFunction"]


def test_the_log_can_be_in_another_accounts_bucket(tmp_path: Path) -> None:
    folder = synthesise("prod", tmp_path / "prod", {**IAM, "sealed_bucket": "auditors-log"})
    assembly = Assembly("prod", folder)
    assert "LogBucket" not in assembly.resources("AWS::S3::Bucket")
    assert not assembly.resources("AWS::S3::BucketPolicy", "seal")
    assert ("s3:PutObject", "arn:AWS::Partition:s3:::auditors-log/*", None) in assembly.calls("SealRole")
    variables = assembly.properties("AWS::Lambda::Function", "SealFunction")["Environment"]["Variables"]
    assert variables["LOG_BUCKET"] == "auditors-log"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"seal_grace_seconds": 99}, "must be at least 100: an entry may appear that long after its time"),
        ({"seal_minutes": 2}, "seal_minutes must be longer than a run of the sealer"),
        ({"sealed_retention_days": 0}, "sealed_retention_days must be 1 to 36500"),
        ({"sealed_bucket": "Not_A_Bucket"}, "sealed_bucket must be the name of a bucket"),
        ({"ledger_since": "yesterday"}, "ledger_since must be a day"),
        (
            {"ephemeral": True, "deletion_protection": False, "sealed_retention_days": 2},
            "an ephemeral environment cannot lock its sealed log for more than 1 day",
        ),
    ],
)
def test_an_unsafe_setting_of_the_seal_is_refused(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        Settings(environment="staging", auth="iam", **changed)


def test_the_window_of_an_administrator_is_grace_and_interval() -> None:
    settings = settings_for("prod", IAM)
    assert (settings.seal_minutes, settings.seal_grace_seconds) == (5, 15 * 60)
