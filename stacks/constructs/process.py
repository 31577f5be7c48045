"""The Express state machine, from the project's own ASL file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.logs import log_group
from stacks.constructs.permissions import allow, role_with
from stacks.errors import DefinitionError
from stacks.timeouts import WORKFLOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from stacks.settings import Settings

# Vended log delivery and X-Ray know no resources of their own:
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
_LOG_DELIVERY: Final = (
    "CreateLogDelivery GetLogDelivery UpdateLogDelivery DeleteLogDelivery ListLogDeliveries "
    "PutResourcePolicy DescribeResourcePolicies DescribeLogGroups"
)
_TRACES: Final = "PutTraceSegments PutTelemetryRecords GetSamplingRules GetSamplingTargets"


class ProcessOrder(Construct):
    """`process_order`, with a role that holds exactly what it was given.

    It logs errors without execution data: an order's ids are in the functions' logs, and nothing
    of a customer is in the workflow's.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        definition: Path,
        substitutions: Mapping[str, str],
        settings: Settings,
        statements: Sequence[iam.PolicyStatement],
    ) -> None:
        super().__init__(scope, id_)
        name = f"{settings.stack_prefix}-process-order"
        # /aws/vendedlogs/ keeps the account's log resource policy within its 5,120 characters.
        group = log_group(self, "Logs", name=f"/aws/vendedlogs/states/{name}", settings=settings)
        calls = [*statements, allow("logs", _LOG_DELIVERY, "*"), allow("xray", _TRACES, "*")]
        role = role_with(self, "states", calls)
        text = read_definition(definition, set(substitutions))
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            state_machine_type=sfn.StateMachineType.EXPRESS,
            definition_body=sfn.DefinitionBody.from_string(text),
            definition_substitutions=substitutions,
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=group, level=sfn.LogLevel.ERROR, include_execution_data=False),
        )


def read_definition(path: Path, substitutions: set[str]) -> str:
    """The ASL in `path`, without white space.

    Raises:
        DefinitionError: it is missing or not JSON, names a `${...}` that nobody provides, or has
            another timeout than the claims and dispatch's client are computed with.
    """
    try:
        definition: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DefinitionError(f"statemachines/{path.name} cannot be read") from error
    except ValueError as error:
        raise DefinitionError(f"statemachines/{path.name} is not JSON: {error}") from error
    text = json.dumps(definition, separators=(",", ":"))
    if unknown := set(re.findall(r"\$\{(\w+)\}", text)) - substitutions:
        raise DefinitionError(
            f"{path.name} uses {', '.join(sorted(unknown))}; there is {', '.join(sorted(substitutions))}"
        )
    if definition.get("TimeoutSeconds") != WORKFLOW_SECONDS:
        raise DefinitionError(
            f"{path.name} must have TimeoutSeconds {WORKFLOW_SECONDS} (stacks/timeouts.py), "
            f"not {definition.get('TimeoutSeconds')}"
        )
    return text
