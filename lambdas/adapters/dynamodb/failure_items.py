"""How failures and their groups lie in the failures table.

`by_list` is a sparse index over the attribute `list`: a waiting failure lies there under its fingerprint, a
group under GROUPS while somebody has to look at it, and under GROUPS_CLOSED afterwards.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.domain.failure import (
    Failure,
    FailureContext,
    FailureGroup,
    FailureState,
    Paging,
    Stake,
)
from lambdas.domain.identifiers import FailureId, Fingerprint, OrderId, PlanId, RefundId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.domain.failure_groups import GroupChange

RECORD: Final = "FAILURE"
GROUP: Final = "GROUP"
BY_LIST: Final = "by_list"
GROUPS: Final = "GROUPS"
GROUPS_CLOSED: Final = "GROUPS_CLOSED"

_STAKE: Final = "stake_"
_PLAIN: Final = (
    "body",
    "first_seen",
    "last_seen",
    "last_message_id",
    "archive_key",
    "group",
    "letters",
    "applies",
    "replayed_at",
    "revision",
)


def record_key(failure_id: FailureId) -> dict[str, Any]:
    """Return the key of a failure's record."""
    return to_item({"id": failure_id, "item": RECORD})


def group_key(fingerprint: Fingerprint) -> dict[str, Any]:
    """Return the key of a group."""
    return to_item({"id": fingerprint, "item": GROUP})


def record_put(before: Failure | None, after: Failure, table: str) -> dict[str, Any]:
    """Build the Put of a failure over the revision that was read, or where there is none yet."""
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(id)"}
    if before is not None:
        condition = {
            "ConditionExpression": "revision = :read",
            "ExpressionAttributeValues": to_item({":read": before.revision}),
        }
    return {
        "TableName": table,
        "Item": failure_to_item(after),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        **condition,
    }


def failure_to_item(failure: Failure) -> dict[str, Any]:
    """Encode a failure; only a waiting one lies in the index."""
    values = {
        **{name: getattr(failure, name) for name in _PLAIN},
        "order_id": failure.order_id,
        "refund_id": failure.refund_id,
        "plan_id": failure.plan_id,
        "state": failure.state,
        "fingerprint": failure.fingerprint,
        "list": failure.fingerprint if failure.waiting else None,
        "context": asdict(failure.context),
        "stake": asdict(failure.stake),
    }
    return {**record_key(failure.failure_id), **to_item(values)}


def failure_from_item(item: Mapping[str, Any]) -> Failure:
    """Decode a failure."""
    values = from_item(item)
    order_id, refund_id, plan_id = (values.get(name) for name in ("order_id", "refund_id", "plan_id"))
    return Failure(
        failure_id=FailureId(values["id"]),
        order_id=OrderId(order_id) if order_id else None,
        refund_id=RefundId(refund_id) if refund_id else None,
        plan_id=PlanId(plan_id) if plan_id else None,
        state=FailureState(values["state"]),
        context=FailureContext(**values["context"]),
        stake=Stake(**values["stake"]),
        **{name: values[name] for name in _PLAIN if name in values},
    )


def group_update(change: GroupChange, table: str) -> dict[str, Any]:
    """Build the Update that counts what changed in a group."""
    added = {"open": change.open, "total": change.total, "version": change.moves}
    added |= {f"{_STAKE}{currency}": amount for currency, amount in change.stake.items()}
    listed = ":list" if change.entered else "if_not_exists(#list, :list)"
    assignments = ["#title = :title", "#frame = :frame", f"#list = {listed}"]
    values: dict[str, object] = {
        "title": change.title,
        "frame": change.frame,
        "list": GROUPS if change.entered else GROUPS_CLOSED,
        **added,
    }
    names = [*values]
    if change.seen_at:
        assignments += ["#last_seen = :seen_at", "#first_seen = if_not_exists(#first_seen, :seen_at)"]
        values["seen_at"] = change.seen_at
        names += ["first_seen", "last_seen"]
    return {
        "TableName": table,
        "Key": group_key(change.fingerprint),
        "UpdateExpression": (
            f"SET {', '.join(assignments)} ADD {', '.join(f'#{name} :{name}' for name in added)}"
        ),
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
        "ExpressionAttributeValues": to_item({f":{name}": value for name, value in values.items()}),
    }


def group_from_item(item: Mapping[str, Any]) -> FailureGroup:
    """Decode a group."""
    values = from_item(item)
    return FailureGroup(
        fingerprint=Fingerprint(values["id"]),
        title=values["title"],
        frame=values["frame"],
        first_seen=values["first_seen"],
        last_seen=values["last_seen"],
        open=values["open"],
        total=values["total"],
        version=values["version"],
        stake={
            name.removeprefix(_STAKE): amount
            for name, amount in sorted(values.items())
            if name.startswith(_STAKE) and amount
        },
        paging=Paging(**values.get("paging", {})),
    )
