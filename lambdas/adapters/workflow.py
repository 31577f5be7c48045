"""Starts the Express workflow and waits for its end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)

from lambdas.domain.workflow import Execution, ExecutionState

if TYPE_CHECKING:
    from collections.abc import Mapping


_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class StepFunctionsWorkflow:
    """The state machine. `client` must read longer than the workflow may take and try once.

    A second try by botocore would start the workflow a second time beside a slow first one.
    """

    client: Any
    state_machine_arn: str

    def run(self, name: str, command: Mapping[str, object]) -> Execution:
        """Run one execution to its end. FAILED and TIMED_OUT arrive as HTTP 200: the state tells."""
        try:
            answer = self.client.start_sync_execution(
                stateMachineArn=self.state_machine_arn, name=name, input=json.dumps(command)
            )
        except (ReadTimeoutError, ConnectionClosedError) as error:
            return Execution(ExecutionState.UNKNOWN, error=type(error).__name__)
        except ClientError as error:
            # After a server error it may run all the same.
            unknown = error.response["ResponseMetadata"].get("HTTPStatusCode", 0) >= _SERVER_ERROR
            state = ExecutionState.UNKNOWN if unknown else ExecutionState.NOT_STARTED
            return Execution(state, error=str(error.response["Error"]["Code"]))
        except BotoCoreError as error:
            return Execution(ExecutionState.NOT_STARTED, error=type(error).__name__)
        if answer["status"] == "SUCCEEDED":
            return Execution(ExecutionState.SUCCEEDED, output=json.loads(answer.get("output") or "{}"))
        return Execution(
            ExecutionState(answer["status"]),
            error=answer.get("error") or "",
            cause=answer.get("cause") or "",
            arn=answer["executionArn"],
        )
