"""`s3:if-none-match`.

AWS: a bucket's policy can refuse writes that would overwrite, by this key, which holds the header's value
(Amazon S3 user guide, "Enforce conditional writes on Amazon S3 buckets").

Engine: it obeys the header and does not know the key, so that such a policy refuses every write.

Mend: the header's value is given to the policies.
"""

from __future__ import annotations

from typing import Any

from ministack.core import iam_actions

_original = iam_actions.s3_service_context


def apply() -> None:
    """Add the key to a write's context."""
    iam_actions.s3_service_context = _context


def _context(
    iam_action: str,
    query_params: dict[str, Any] | None,
    path: str = "",
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    context: dict[str, Any] = _original(iam_action, query_params, path, headers)
    value = (headers or {}).get("if-none-match")
    return {**context, "s3:if-none-match": value} if value and iam_action == "s3:PutObject" else context
