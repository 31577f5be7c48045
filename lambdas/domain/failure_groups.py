"""What a change of failures does to their groups' counters, whoever keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.domain.failure import Failure
    from lambdas.domain.identifiers import Fingerprint

    Change = tuple[Failure | None, Failure]
    """A failure as it was read (None: it is new), and as it is to be."""


@dataclass(slots=True)
class GroupChange:
    """What is added to a group; `open` and the amounts of `stake` may be negative.

    `moves` counts the failures that began or ceased to wait; `entered` tells whether one began to. `seen_at`
    is when a letter of it died, None when none did.
    """

    fingerprint: Fingerprint
    title: str
    frame: str
    seen_at: str | None = None
    open: int = 0
    total: int = 0
    moves: int = 0
    entered: bool = False
    stake: dict[str, int] = field(default_factory=dict)


def group_changes(changes: Sequence[Change]) -> list[GroupChange]:
    """Add up by group what failures that change together do to it.

    A failure that goes from one way of waiting to the other does nothing to its group.
    """
    groups: dict[Fingerprint, GroupChange] = {}
    for before, after in changes:
        was = before if before is not None and before.waiting else None
        now = after if after.waiting else None
        new = before is None or before.fingerprint != after.fingerprint
        seen_again = before is None or before.last_seen != after.last_seen
        if was and now and not new and _worth(was) == _worth(now):
            was = now = None
        if was:
            _move(_group_of(groups, was), was, -1)
        if now:
            _move(_group_of(groups, now), now, +1)
        if new or seen_again:
            group = _group_of(groups, after)
            group.total += new
            group.seen_at = max(group.seen_at or "", after.last_seen)
    return list(groups.values())


def _group_of(groups: dict[Fingerprint, GroupChange], failure: Failure) -> GroupChange:
    context = failure.context
    return groups.setdefault(
        context.fingerprint, GroupChange(context.fingerprint, context.title, context.frame)
    )


def _move(group: GroupChange, failure: Failure, sign: int) -> None:
    group.open += sign
    group.moves += 1
    group.entered = group.entered or sign > 0
    currency, total = _worth(failure)
    if currency and total:
        group.stake[currency] = group.stake.get(currency, 0) + sign * total


def _worth(failure: Failure) -> tuple[str | None, int]:
    return failure.stake.currency, failure.stake.total
