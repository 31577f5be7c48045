"""Runs inside of the container: moto's Step Functions behind HTTP, whose tasks call an endpoint outside.

The container holds this file, moto and what moto needs, and nothing of the project.
"""

from __future__ import annotations

import os
from typing import Any

import botocore.session
from botocore.config import Config
from moto.core.config import default_user_config
from moto.server import main
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_events

PORT = 8083
LONGEST_CALL_SECONDS = 60


def outside_client(service: str, region: str, **_: Any) -> Any:
    """Create a client of a service that somebody else stands in for."""
    return botocore.session.get_session().create_client(
        service,
        region_name=region,
        endpoint_url=os.environ[f"{service.upper()}_ENDPOINT"],
        config=Config(retries={"total_max_attempts": 1}, read_timeout=LONGEST_CALL_SECONDS),
    )


if __name__ == "__main__":
    lambda_eval_utils.boto_client_for = outside_client
    state_task_service_events.boto_client_for = outside_client
    default_user_config["stepfunctions"]["execute_state_machine"] = True
    main(["--host", "0.0.0.0", "--port", str(PORT)])  # noqa: S104 - of the container alone
