"""A Python function with a role of its own that holds exactly what it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import AssetHashType, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.constructs.logs import log_group
from stacks.constructs.permissions import allow, role_with
from stacks.constructs.table import removal_policy_once_made
from stacks.names import function_log_group, function_name
from stacks.timeouts import FUNCTION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stacks.packaging.artefacts import Artefact
    from stacks.settings import Settings
    from stacks.timeouts import FunctionName

METRICS_NAMESPACE: Final = "Orders"


class PythonFunction(Construct):
    """A Lambda function with its log group and its least-privilege role.

    The role's policy is inline and complete: nothing that the CDK grants later can widen it, and
    whatever depends on the role finds its permissions in place.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: FunctionName,
        artefact: Artefact,
        settings: Settings,
        environment: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
        reserved_concurrency: int | None = None,
        depends_on_parameter: str | None = None,
    ) -> None:
        """Define the function.

        Args:
            scope: the stack.
            id_: the construct's id.
            name: the folder under `lambdas/` with the handler; also its service name in logs.
            artefact: the built folder that holds it.
            settings: of the environment.
            environment: variables beside those that every function has.
            statements: what it may call, beside its own log group and X-Ray.
            reserved_concurrency: None shares the account's.
            depends_on_parameter: a template parameter in `environment`. It becomes the version's
                description, which CloudFormation cannot change in place: another value publishes
                another version. Without that the workflow would go on calling the version that
                was published with the old value.
        """
        super().__init__(scope, id_)
        log_name = function_log_group(settings.environment, name)
        group = log_group(self, "Logs", name=log_name, settings=settings)
        role = role_with(
            self,
            "lambda",
            [
                *statements,
                allow("logs", "CreateLogStream PutLogEvents", group.log_group_arn),
                # X-Ray knows no resources: https://docs.aws.amazon.com/
                # service-authorization/latest/reference/list_awsx-ray.html
                allow("xray", "PutTraceSegments PutTelemetryRecords", "*"),
            ],
        )
        self.role = role
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name(settings.environment, name),
            runtime=lambda_.Runtime(settings.runtime, lambda_.RuntimeFamily.PYTHON),
            architecture=_architecture(settings),
            handler=f"lambdas.{name}.handler.handle",
            code=lambda_.Code.from_asset(
                str(artefact.folder),
                asset_hash=artefact.asset_hash,
                asset_hash_type=AssetHashType.CUSTOM,
            ),
            timeout=Duration.seconds(FUNCTION_SECONDS[name]),
            memory_size=settings.memory_mb[name],
            environment={
                "ENVIRONMENT": settings.environment,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
                "POWERTOOLS_LOG_LEVEL": settings.log_level,
                **environment,
            },
            role=role,
            log_group=group,
            tracing=lambda_.Tracing.ACTIVE,
            reserved_concurrent_executions=reserved_concurrency,
            current_version_options=lambda_.VersionOptions(
                description=depends_on_parameter,
                # An execution under way still calls the version that it started with.
                removal_policy=removal_policy_once_made(settings),
            ),
        )


def _architecture(settings: Settings) -> lambda_.Architecture:
    if settings.architecture == "arm64":
        return lambda_.Architecture.ARM_64
    return lambda_.Architecture.X86_64
