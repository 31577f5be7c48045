"""Clients for the engine's services, with its administrator's credentials."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.config import Config

from orders.local.engine.process import ADMINISTRATOR, REGION


def engine_client(service: str, endpoint: str) -> Any:  # noqa: ANN401 - botocore makes its client classes at run time
    """Create a client for a service of the engine at `endpoint`."""
    return botocore.session.get_session().create_client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=ADMINISTRATOR.access_key_id,
        aws_secret_access_key=ADMINISTRATOR.secret_access_key,
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}, read_timeout=30),
    )
