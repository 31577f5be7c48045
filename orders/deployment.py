"""Which pipeline an operator's command works on: the local run that is up, or one in an AWS account.

Both are found by the outputs of their stacks, so that a command never asks which of them it has.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from orders.aws_errors import explain
from orders.local.aws import engine_client
from orders.local.engine.process import REGION
from orders.local.run_file import NotRunning, read_run_file
from stacks.names import function_log_group, stack_prefix
from stacks.timeouts import FUNCTION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orders.local.run_file import Addresses
    from stacks.timeouts import FunctionName

LOCAL: Final = "local"
# Those whose outputs name what an operator works with; the alarms' stack has none of it.
STACKS: Final = ("storage", "workflow", "api", "seal")
_CONFIG: Final = Config(
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=20,
    retries={"mode": "standard", "total_max_attempts": 4},
)


class DeploymentError(Exception):
    """The pipeline cannot be worked on; the message is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider of the credentials says that we are; `name` is of a role, a user or the root."""

    account: str
    name: str
    arn: str

    def __str__(self) -> str:
        """Tell a person."""
        return f"account {self.account} as {self.name}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A pipeline that is deployed, its stacks' outputs, and clients for the AWS services under it."""

    environment: str
    region: str
    identity: Identity
    outputs: Mapping[str, str]
    make_client: Callable[[str], Any]
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether it is the local run."""
        return self.environment == LOCAL

    def __str__(self) -> str:
        """Tell a person where a command works and as whom."""
        if self.is_local:
            return "the local run"
        return f"{stack_prefix(self.environment)} in {self.region}, {self.identity}"

    def client(self, service: str) -> Any:  # noqa: ANN401 - botocore makes its client classes at run time
        """Return the client of a service; threads may share it."""
        with self._lock:  # botocore's sessions are not safe to make clients in several threads
            if service not in self._clients:
                self._clients[service] = self.make_client(service)
            return self._clients[service]

    def output(self, name: str) -> str:
        """Return an output of the stacks.

        Raises:
            DeploymentError: they are older than this program and have it not.
        """
        try:
            return self.outputs[name]
        except KeyError:
            todo = "start it again" if self.is_local else "deploy them again"
            raise DeploymentError(f"the stacks of {self} have no output {name}: {todo}") from None

    def log_groups(self) -> dict[FunctionName, str]:
        """Return the log group of every function that this version has."""
        return {name: function_log_group(self.environment, name) for name in FUNCTION_SECONDS}


def find_deployment(environment: str, profile: str | None = None, region: str | None = None) -> Deployment:
    """Find the pipeline of an environment; `local` is the run that is up.

    Args:
        environment: one of `stacks.settings.ENVIRONMENTS`.
        profile: of the AWS configuration; None is botocore's own choice, as for every AWS tool.
        region: None is the profile's.

    Raises:
        DeploymentError: nothing is up or deployed there, or the credentials do not lead there.
    """
    if environment == LOCAL:
        try:
            return local_deployment(read_run_file())
        except NotRunning:
            todo = "start one with `orders up`, or name a deployed one with --env"
            raise DeploymentError(f"no pipeline is up: {todo}") from None
    try:
        return aws_deployment(environment, boto3.Session(profile_name=profile, region_name=region))
    except BotoCoreError as error:
        raise DeploymentError(explain(error)) from error


def local_deployment(addresses: Addresses) -> Deployment:
    """Return the local run that answers at these addresses."""

    def make_client(service: str) -> Any:  # noqa: ANN401 - see Deployment.client
        return engine_client(service, addresses.engine_url)

    try:
        identity = _identity(make_client("sts"))
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(f"{explain(error)}: the run has ended, start one with `orders up`") from error
    # Its data began later than what the template says of every environment: no empty day is read.
    outputs = {**addresses.outputs, "LedgerSince": addresses.since}
    return Deployment(LOCAL, REGION, identity, outputs, make_client)


def aws_deployment(environment: str, session: boto3.Session) -> Deployment:
    """Return the environment that is deployed in the session's account and region."""

    def make_client(service: str) -> Any:  # noqa: ANN401 - see Deployment.client
        return session.client(service, config=_CONFIG)  # type: ignore[call-overload] # any service

    try:
        # Asked first: it needs no permission, so that what fails here is the credentials.
        identity = _identity(make_client("sts"))
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(explain(error)) from error
    where = f"{identity}, {session.region_name}"
    try:
        cloudformation = make_client("cloudformation")
        stacks = [_outputs(cloudformation, f"{stack_prefix(environment)}-{name}", where) for name in STACKS]
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(f"{explain(error)} ({where})") from error
    outputs = {name: value for found in stacks for name, value in found.items()}
    return Deployment(environment, str(session.region_name), identity, outputs, make_client)


def _identity(sts: Any) -> Identity:  # noqa: ANN401 - see Deployment.client
    answer = sts.get_caller_identity()
    arn: str = answer["Arn"]
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    # The name of an assumed role comes first, then that of its session; a user's path comes before its name.
    name = rest.split("/")[0] if kind == "assumed-role" else rest.rpartition("/")[2]
    return Identity(answer["Account"], f"{kind.removeprefix('assumed-')} {name}".strip(), arn)


def _outputs(cloudformation: Any, stack: str, where: str) -> dict[str, str]:  # noqa: ANN401 - see Deployment.client
    try:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            todo = "deploy it, or say where it is with --region and --profile"
            raise DeploymentError(f"there is no stack {stack} ({where}): {todo}") from error
        raise
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
