"""What the engine's tests say to an engine: clients, and tiny functions, machines and tables."""

from __future__ import annotations

import io
import json
import textwrap
import uuid
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from orders.local.engine.process import ADMINISTRATOR, Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "000000000000"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
"""The role of every function and machine of these tests; it may do nothing."""


_SESSION: Any = boto3.Session(region_name=REGION)  # one, for it caches the services' models


def unique(prefix: str) -> str:
    """A name that nothing else has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


class Cloud:
    """One running engine.

    Args:
        url: Its endpoint.
        credentials: Whose calls these are; the administrator's when not given.
    """

    def __init__(
        self, url: str, credentials: Credentials = ADMINISTRATOR, session_token: str | None = None
    ) -> None:
        self.url = url
        config = Config(inject_host_prefix=False, read_timeout=60, retries={"total_max_attempts": 1})

        def client(name: str) -> Any:
            return _SESSION.client(
                name,
                endpoint_url=url,
                config=config,
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=credentials.secret_access_key,
                aws_session_token=session_token,
            )

        self.client = client
        self.buckets = client("s3")
        self.dynamodb = client("dynamodb")
        self.events = client("events")
        self.iam = client("iam")
        self.keys = client("kms")
        self.stacks = client("cloudformation")
        self.tokens = client("sts")
        self.functions = client("lambda")
        self.logs = client("logs")
        self.queues = client("sqs")
        self.secrets = client("secretsmanager")
        self.workflows = client("stepfunctions")

    def role(self, name: str, *statements: Mapping[str, Any]) -> str:
        """Create a role for functions and machines that holds these statements; returns its ARN."""
        services = ["lambda.amazonaws.com", "states.amazonaws.com"]
        trust = allow("sts:AssumeRole") | {"Principal": {"Service": services}}
        del trust["Resource"]
        created = self.iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            self.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
        return str(created["Role"]["Arn"])

    def function(self, code: str, **settings: Any) -> str:
        """Create a function whose module is `index` and handler `handle`; returns its ARN."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("index.py", textwrap.dedent(code))
        defaults: dict[str, Any] = {
            "FunctionName": unique("function"),
            "Handler": "index.handle",
            "Role": ROLE,
            "Runtime": "python3.13",
            "Timeout": 20,
        }
        created = self.functions.create_function(**(defaults | settings), Code={"ZipFile": buffer.getvalue()})
        return str(created["FunctionArn"])

    def invoke(self, function: str, event: Any = None) -> tuple[Any, bool]:
        """Call a function; returns its answer, and whether that is an error."""
        answer = self.functions.invoke(FunctionName=function, Payload=json.dumps(event))
        with answer["Payload"] as payload:
            return json.loads(payload.read()), "FunctionError" in answer

    def machine(self, states: Mapping[str, Any], kind: str = "EXPRESS", **definition: Any) -> str:
        """Create a state machine that starts at the first of `states`; returns its ARN."""
        text = json.dumps({"StartAt": next(iter(states)), "States": states, **definition})
        created = self.workflows.create_state_machine(
            name=unique("machine"),
            definition=text,
            roleArn=ROLE,
            type=kind,
        )
        return str(created["stateMachineArn"])

    def run(self, machine: str, given: Any = None, name: str | None = None) -> dict[str, Any]:
        """Run an Express machine to its end."""
        answer: dict[str, Any] = self.workflows.start_sync_execution(
            stateMachineArn=machine, input=json.dumps(given or {}), name=name or unique("run")
        )
        return answer

    def table(self, sort_key: str | None = None, **settings: Any) -> str:
        """Create a table with the key `id` (and a sort key); returns its name."""
        names = ["id"] + ([sort_key] if sort_key else [])
        kinds = ["HASH", "RANGE"]
        defaults = {
            "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in names],
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": n, "KeyType": k} for n, k in zip(names, kinds, strict=False)],
            "TableName": unique("table"),
        }
        created = self.dynamodb.create_table(**(defaults | settings))
        return str(created["TableDescription"]["TableName"])

    def queue(self, **attributes: str) -> str:
        """Create a queue; returns its URL."""
        created = self.queues.create_queue(QueueName=unique("queue"), Attributes=attributes)
        return str(created["QueueUrl"])

    def queue_arn(self, url: str) -> str:
        """The ARN of a queue."""
        answer = self.queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def user(self, *statements: Mapping[str, Any]) -> Cloud:
        """The same engine, called by a new user who holds exactly these statements."""
        name = unique("user")
        self.iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return Cloud(self.url, Credentials(key["AccessKeyId"], key["SecretAccessKey"]))

    def assume(self, role_arn: str) -> Cloud:
        """The same engine, called by a session of a role."""
        answer = self.tokens.assume_role(RoleArn=role_arn, RoleSessionName="session")["Credentials"]
        credentials = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"])
        return Cloud(self.url, credentials, answer["SessionToken"])


def table_arn(name: str) -> str:
    """The ARN of a table."""
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def allow(action: str | list[str], resource: str = "*", **condition: Any) -> dict[str, Any]:
    """A statement that allows."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})
