"""`aws:PrincipalArn` of a role's session.

AWS: for whoever has assumed a role, the key holds the role's ARN and not the session's (IAM user guide, "AWS
global condition context keys").

Engine: it holds the session's, so that a policy which excepts a role excepts nobody.

Mend: a session's ARN is turned into its role's. (A role's path is not in it; ours have none.)
"""

from __future__ import annotations

import re
from typing import Any

from ministack.core import iam_evaluator

_SESSION = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+")

_original = iam_evaluator._resolve_condition_key


def apply() -> None:
    """Resolve the key to the role."""
    iam_evaluator._resolve_condition_key = _resolve


def _resolve(key: str, context: Any) -> Any:  # noqa: ANN401 - the engine's
    value = _original(key, context)
    if key.lower() != "aws:principalarn" or not isinstance(value, str):
        return value
    return _SESSION.sub(r"arn:\g<partition>:iam::\g<account>:role/\g<role>", value)
