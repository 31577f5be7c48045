"""AWS clients straight from botocore: boto3's resources would cost every cold start for nothing.

Timeouts nest inside the functions' own (10 s): at most two tries of 1 s to connect and 2 s to read.
Keep-alive saves a TLS handshake per call.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from botocore.session import Session

CONNECT_TIMEOUT_SECONDS = 1
READ_TIMEOUT_SECONDS = 2


@cache
def _session() -> Session:
    return botocore.session.get_session()


def make_client(
    service: str,
    *,
    read_timeout: float = READ_TIMEOUT_SECONDS,
    attempts: int = 2,
    connections: int = 10,
) -> Any:  # noqa: ANN401 - botocore makes its client classes at run time
    """Create a client for an AWS service in the function's region; safe to share between threads."""
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=connections,
        tcp_keepalive=True,
    )
    return _session().create_client(service, config=config)
