"""Object Lock of buckets that a template makes.

AWS: `AWS::S3::Bucket` takes `ObjectLockEnabled` and `ObjectLockConfiguration`; from then on an object that is
written has the bucket's default retention (CloudFormation reference, AWS::S3::Bucket).

Engine: its S3 locks objects, but its CloudFormation ignores both properties.

Mend: both are handed to its S3 when the bucket is made or updated.
"""

from __future__ import annotations

from typing import Any

from ministack.services import s3
from ministack.services.cloudformation import provisioners

_TYPE = "AWS::S3::Bucket"


def apply() -> None:
    """Take Object Lock from templates."""
    handlers: dict[str, Any] = provisioners._RESOURCE_HANDLERS[_TYPE]
    create, update = handlers["create"], handlers["update"]

    def create_bucket(logical_id: str, props: dict[str, Any], stack: str) -> Any:  # noqa: ANN401 - the engine's
        made = create(logical_id, props, stack)
        _lock(made[0], props)
        return made

    def update_bucket(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: object) -> Any:  # noqa: ANN401 - the engine's
        made = update(physical_id, old, new, *rest)
        _lock(made[0], new)
        return made

    handlers |= {"create": create_bucket, "update": update_bucket}


def _lock(bucket: str, props: dict[str, Any]) -> None:
    if str(props.get("ObjectLockEnabled", "")).lower() != "true":
        return
    rule = (props.get("ObjectLockConfiguration") or {}).get("Rule") or {}
    retention = dict(rule.get("DefaultRetention") or {})
    for unit in ("Days", "Years"):
        if unit in retention:
            retention[unit] = int(retention[unit])
    s3._bucket_versioning[bucket] = "Enabled"
    s3._bucket_object_lock[bucket] = {"enabled": True, "default_retention": retention or None}
