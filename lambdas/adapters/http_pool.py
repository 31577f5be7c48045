"""One HTTP connection pool per function over urllib3, which the Lambda runtime ships with botocore."""

from __future__ import annotations

from typing import Final

import urllib3

# The whole call must fit into the function's own 10 s.
CONNECT_SECONDS: Final = 2.0
TOTAL_SECONDS: Final = 8.0


def make_pool(connections: int = 4) -> urllib3.PoolManager:
    """Create a pool that never retries and never follows: a repeated call must be a decision.

    So many connections to a host are kept.
    """
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, total=TOTAL_SECONDS)
    return urllib3.PoolManager(timeout=timeout, retries=False, maxsize=connections)
