"""Deploy a CDK cloud assembly into the embedded engine, as `cdk deploy --all` would.

Each stack is created, updated, or left alone when a restored engine already has it with the same
template and parameters (an asset's content hash is part of the template).
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from orders.local.engine.assembly import Stack, read_assembly
from orders.local.engine.errors import DeployError, StackFailedError
from orders.local.engine.process import ADMINISTRATOR, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_ssm.client import SSMClient

_BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION = "30"  # at least what any assembly's `requiresBootstrapStackVersion` asks
_CAPABILITIES: Final = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
_POLL_SECONDS = 0.05
_STACK_SECONDS = 300.0
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_API_HOST = re.compile(r"^https?://([0-9a-f]{8,10})\.execute-api\.[^/]+")
_GONE = ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
_MUST_BE_REPLACED = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")


def deploy(assembly_dir: Path, endpoint: str, parameters: Mapping[str, str] | None = None) -> dict[str, str]:
    """Deploy every stack of an assembly, in dependency order.

    Args:
        assembly_dir: The folder that `cdk synth` wrote (`cdk.out`).
        endpoint: The engine's URL.
        parameters: CloudFormation parameters; each goes to every stack that declares it. What
            is not given keeps the template's default.

    Returns:
        The outputs of all stacks by output key. The address of an HTTP API is the one at which
        the engine answers.

    Raises:
        DeployError: The folder is no assembly, or no stack declares one of the parameters.
        StackFailedError: A stack failed; names the resource and the reason.
    """
    stacks = read_assembly(assembly_dir)
    wanted = dict(parameters or {})
    unknown = set(wanted).difference(*(stack.parameter_names() for stack in stacks))
    if unknown:
        raise DeployError(f"no stack declares the parameter {', '.join(sorted(unknown))}")
    target = _Target(endpoint)
    target.bootstrap()
    outputs: dict[str, str] = {}
    for stack in stacks:
        own = {name: wanted[name] for name in stack.parameter_names() & wanted.keys()}
        outputs |= target.deploy(stack, own)
    return {key: _reachable(value, endpoint) for key, value in outputs.items()}


class _Target:
    """The engine as a place to deploy to."""

    def __init__(self, endpoint: str) -> None:
        session = boto3.Session(
            aws_access_key_id=ADMINISTRATOR.access_key_id,
            aws_secret_access_key=ADMINISTRATOR.secret_access_key,
            region_name=REGION,
        )
        config = Config(retries={"total_max_attempts": 1}, read_timeout=_STACK_SECONDS)
        self._cloudformation: CloudFormationClient = session.client(
            "cloudformation", endpoint_url=endpoint, config=config
        )
        self._s3: S3Client = session.client("s3", endpoint_url=endpoint, config=config)
        self._ssm: SSMClient = session.client("ssm", endpoint_url=endpoint, config=config)
        self._endpoint = endpoint
        self._buckets: set[str] = set()

    def bootstrap(self) -> None:
        """Write what `cdk bootstrap` would have: templates check its version."""
        self._ssm.put_parameter(
            Name=_BOOTSTRAP_PARAMETER, Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
        )

    def deploy(self, stack: Stack, parameters: Mapping[str, str]) -> dict[str, str]:
        present = self._describe(stack.name)
        if present is not None and present["StackStatus"] in _MUST_BE_REPLACED:
            self._cloudformation.delete_stack(StackName=stack.name)
            self._wait(stack.name)
            present = None
        if present is not None and self._is_current(stack, parameters, present):
            return _outputs(present)
        self._upload(stack)
        settings: list[ParameterTypeDef] = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ]
        change = self._cloudformation.create_stack if present is None else self._cloudformation.update_stack
        try:
            change(
                StackName=stack.name,
                TemplateBody=_without_spaces(stack.template),
                Parameters=settings,
                Capabilities=_CAPABILITIES,
            )
        except ClientError as error:
            reason = error.response.get("Error", {}).get("Message", str(error))
            raise StackFailedError(stack.name, stack.name, reason) from error
        changed = self._wait(stack.name)
        if changed is None or changed["StackStatus"] not in _DONE:
            raise self._failure(stack.name, changed)
        return _outputs(changed)

    def _is_current(self, stack: Stack, parameters: Mapping[str, str], present: StackTypeDef) -> bool:
        if present["StackStatus"] not in _DONE:
            return False
        body: object = self._cloudformation.get_template(StackName=stack.name)["TemplateBody"]
        deployed = json.loads(body) if isinstance(body, str) else body
        template = json.loads(stack.template)
        if deployed != template:
            return False
        declared = template.get("Parameters", {})
        have = {p["ParameterKey"]: p.get("ParameterValue") for p in present.get("Parameters", [])}
        return all(
            have.get(name) == parameters.get(name, declared[name].get("Default"))
            for name in declared
            if name in parameters or not declared[name]["Type"].startswith("AWS::SSM::")
        )

    def _upload(self, stack: Stack) -> None:
        for asset in stack.assets:
            if asset.bucket not in self._buckets:
                self._s3.create_bucket(Bucket=asset.bucket)
                self._buckets.add(asset.bucket)
            if not self._has_object(asset.bucket, asset.key):
                self._s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=asset.content())

    def _has_object(self, bucket: str, key: str) -> bool:
        """The key is the content's hash, so that what is there need not be sent again."""
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError:
            return False
        return True

    def _describe(self, name: str) -> StackTypeDef | None:
        try:
            stack = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ValidationError":
                return None  # "Stack with id ... does not exist"
            raise
        return None if stack["StackStatus"] in _GONE else stack

    def _wait(self, name: str) -> StackTypeDef | None:
        deadline = time.monotonic() + _STACK_SECONDS
        while time.monotonic() < deadline:
            stack = self._describe(name)
            if stack is None or not stack["StackStatus"].endswith("IN_PROGRESS"):
                return stack
            time.sleep(_POLL_SECONDS)
        raise StackFailedError(name, name, f"still in progress after {_STACK_SECONDS:.0f} s")

    def _failure(self, name: str, stack: StackTypeDef | None) -> StackFailedError:
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        for event in reversed(events):  # the newest is first; the cause is the oldest failure
            status = event.get("ResourceStatus", "")
            reason = event.get("ResourceStatusReason", "")
            if status.endswith("_FAILED") and "cancelled" not in reason.lower():
                return StackFailedError(name, event.get("LogicalResourceId", name), reason)
        if stack is None:
            return StackFailedError(name, name, "the stack is gone")
        return StackFailedError(
            name, name, stack.get("StackStatusReason") or f"ended as {stack['StackStatus']}"
        )


def _reachable(value: str, endpoint: str) -> str:
    """An HTTP API's address as one that needs no DNS: the host names its id, the engine takes a path."""
    return _API_HOST.sub(rf"{endpoint}/_aws/execute-api/\1/$default", value)


def _without_spaces(template: str) -> str:
    """A template may have 51,200 bytes in a request; the CDK's spaces are a quarter of its templates.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    """
    return json.dumps(json.loads(template), separators=(",", ":"))


def _outputs(stack: StackTypeDef) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
