"""Finding a pipeline in an account: by its stacks' outputs, or one clear line that says why not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    UnauthorizedSSOTokenError,
)
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from orders.aws_errors import explain
from orders.deployment import DeploymentError, aws_deployment, find_deployment
from stacks.timeouts import FUNCTION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGION = "eu-west-1"
OUTPUTS = {
    "storage": {"OrdersTableName": "orders-table", "DeadLetterQueueUrl": "https://sqs/letters"},
    "workflow": {"EventBusName": "orders-prod"},
    "api": {"ApiUrl": "https://api"},
    "seal": {"LogTableName": "log"},
}


@pytest.fixture(autouse=True)
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account of moto's, seen without the settings of whoever runs the tests."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path / "nothing up"))
    with mock_aws():
        yield


def deploy(*stacks: str, environment: str = "prod", region: str = REGION) -> None:
    """Deploy stacks with their outputs and a queue, since a stack needs a resource."""
    cloudformation = boto3.client("cloudformation", region_name=region)
    for stack in stacks:
        template = {
            "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
            "Outputs": {name: {"Value": value} for name, value in OUTPUTS[stack].items()},
        }
        name = f"orders-{environment}-{stack}"
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))


def session(region: str | None = REGION) -> boto3.Session:
    """Somebody's session."""
    return boto3.Session(region_name=region)


def test_an_environment_is_found_by_the_outputs_of_its_stacks() -> None:
    deploy(*OUTPUTS)
    deploy(*OUTPUTS, environment="staging")
    found = aws_deployment("prod", session())
    assert found.outputs == {name: value for outputs in OUTPUTS.values() for name, value in outputs.items()}
    assert (found.environment, found.region, found.is_local) == ("prod", REGION, False)
    assert found.output("OrdersTableName") == "orders-table"


def test_it_says_in_which_account_and_role_a_command_works() -> None:
    deploy(*OUTPUTS)
    role = "arn:aws:iam::123456789012:role/operator"
    sts = boto3.client("sts", region_name=REGION)
    given = sts.assume_role(RoleArn=role, RoleSessionName="jane")["Credentials"]
    as_operator = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=REGION
    )
    found = aws_deployment("prod", as_operator)
    assert (found.identity.account, found.identity.name) == ("123456789012", "role operator")
    assert str(found) == "orders-prod in eu-west-1, account 123456789012 as role operator"


def test_every_function_has_its_log_group() -> None:
    deploy(*OUTPUTS)
    groups = aws_deployment("prod", session()).log_groups()
    assert set(groups) == set(FUNCTION_SECONDS)
    assert groups["payment"] == "/aws/lambda/orders-prod-payment"


def test_clients_talk_to_the_sessions_region_and_are_made_once() -> None:
    deploy(*OUTPUTS)
    found = aws_deployment("prod", session())
    assert found.client("sqs").meta.region_name == REGION
    assert found.client("sqs") is found.client("sqs")


@pytest.mark.parametrize(
    ("deployed", "missing"),
    [((), "storage"), (("storage", "workflow"), "api"), (("storage", "workflow", "api"), "seal")],
)
def test_a_stack_that_is_not_there_is_named_with_where_it_was_looked_for(
    deployed: tuple[str, ...], missing: str
) -> None:
    deploy(*deployed)
    with pytest.raises(DeploymentError) as error:
        aws_deployment("prod", session())
    assert f"no stack orders-prod-{missing}" in str(error.value)
    assert "account 123456789012" in str(error.value)
    assert "--region" in str(error.value)


def test_a_role_that_may_not_look_is_told_which_permission_it_wants() -> None:
    deploy(*OUTPUTS)
    iam = boto3.client("iam", region_name=REGION)
    iam.create_user(UserName="jane")
    key = iam.create_access_key(UserName="jane")["AccessKey"]
    may = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_user_policy(UserName="jane", PolicyName="p", PolicyDocument=policy)
    jane = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)

    @set_initial_no_auth_action_count(0)  # type: ignore[untyped-decorator] # theirs
    def denied() -> str:
        with pytest.raises(DeploymentError) as error:
            aws_deployment("prod", jane)
        return str(error.value)

    assert denied() == (
        "access denied: DescribeStacks needs a permission that this role has not"
        " (account 123456789012 as user jane, eu-west-1)"
    )


def test_an_output_that_is_not_there_says_that_the_stacks_are_old() -> None:
    deploy(*OUTPUTS)
    with pytest.raises(DeploymentError, match=r"no output LedgerTableName: deploy them again"):
        aws_deployment("prod", session()).output("LedgerTableName")


def test_no_region_and_no_such_profile_say_which_option_to_give() -> None:
    with pytest.raises(DeploymentError, match="--region"):
        find_deployment("prod")
    with pytest.raises(DeploymentError, match=r"\(nobody\).*list-profiles"):
        find_deployment("prod", profile="nobody")


def test_without_a_local_run_it_says_how_to_start_one_and_how_to_name_another() -> None:
    with pytest.raises(DeploymentError, match=r"`orders up`.*--env"):
        find_deployment("local")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDenied", "access denied: DescribeStacks needs a permission"),
        ("ExpiredToken", "expired: log in"),
        ("InvalidClientTokenId", "does not know the credentials"),
        ("ThrottlingException", "try again"),
        ("Other", "DescribeStacks: Other, no such thing"),
    ],
)
def test_what_aws_answers_is_one_line(code: str, told: str) -> None:
    response = {"Error": {"Code": code, "Message": "no such\n  thing"}}
    line = explain(ClientError(response, "DescribeStacks"))  # type: ignore[arg-type] # as botocore makes it
    assert told in line
    assert "\n" not in line


def test_without_credentials_or_network_it_says_what_to_do() -> None:
    assert "aws configure" in explain(NoCredentialsError())
    assert "aws sso login" in explain(UnauthorizedSSOTokenError())
    gone = explain(EndpointConnectionError(endpoint_url="http://127.0.0.1:9"))
    assert gone == "nobody answers at http://127.0.0.1:9 (EndpointConnectionError)"
