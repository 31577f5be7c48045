"""What PagerDuty is told of a group of failures, and when. Ids, codes, counts and sums: no customer data.

https://developer.pagerduty.com/docs/send-alert-event
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from lambdas.domain.failure import UNREADABLE
from lambdas.domain.money import Money
from lambdas.domain.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from lambdas.domain.failure import FailureGroup
    from lambdas.domain.identifiers import Fingerprint

# An incident that grows so many times over since it was last told of pages again.
GROWTH: Final = 10
# What changed otherwise is told so seldom; and so seldom is tried again what PagerDuty refuses.
RETELL: Final = timedelta(minutes=15)
LONGEST_SUMMARY: Final = 1_024
_CURRENCIES_IN_SUMMARY: Final = 3
_MONEY_STEPS: Final = frozenset({"authorise", "capture", "refund", "reject", UNREADABLE})


class Action(StrEnum):
    """The API's `event_action`."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


class Pager(Protocol):
    """PagerDuty."""

    def send(self, event: Mapping[str, Any]) -> None:
        """Hand an event over; raises PagerUnavailable, PagerRefused or StoreUnavailable (its key's store)."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """What an alert says of where it comes from.

    `runbooks` is the address of the folder of runbooks, or its path where it has none. `region` is None
    where there is no console to look into.
    """

    environment: str
    runbooks: str
    region: str | None = None


def due(group: FailureGroup, now: datetime, gap: timedelta) -> Action | None:
    """Tell what PagerDuty has to hear of a group now; at most one event in `gap`."""
    paging = group.paging
    since = now - from_text(paging.at) if paging.at else None
    if since is not None and since < gap:
        return None
    if group.open <= 0:
        return Action.RESOLVE if paging.triggered else None
    if not paging.triggered or since is None:
        return Action.TRIGGER
    changed = group.version != paging.version
    if paging.open == 0:  # what was to be told did not arrive; with the same version it was refused
        return Action.TRIGGER if changed or since >= RETELL else None
    if group.open >= GROWTH * paging.open or (changed and since >= RETELL):
        return Action.TRIGGER
    return None


def is_told(group: FailureGroup) -> bool:
    """Tell whether PagerDuty knows that the group has failures, or that it has none."""
    return group.paging.triggered == (group.open > 0) and (group.open <= 0 or group.paging.open > 0)


def dedup_key(place: Place, fingerprint: Fingerprint) -> str:
    """Name the group's incident: one at a time."""
    return f"orders/{place.environment}/{fingerprint}"


def event_for(action: Action, group: FailureGroup, place: Place) -> dict[str, Any]:
    """Build the event without its routing key."""
    event: dict[str, Any] = {"event_action": action, "dedup_key": dedup_key(place, group.fingerprint)}
    if action is Action.RESOLVE:
        return event
    links = _links(group, place)
    return event | {
        "client": f"orders {place.environment}",
        **({"links": links} if links else {}),
        "payload": {
            "summary": _summary(group, place),
            "source": f"orders-{place.environment}",
            "severity": severity(group),
            "timestamp": group.last_seen,
            "component": _step(group),
            "group": group.fingerprint,
            "class": group.title,
            "custom_details": _details(group, place),
        },
    }


def severity(group: FailureGroup) -> str:
    """Money that may have moved, and letters that nobody can read, are critical."""
    return "critical" if _step(group) in _MONEY_STEPS else "error"


def money_at_stake(group: FailureGroup) -> list[str]:
    """Render what the group's waiting failures are worth, by currency."""
    return [str(Money(amount, currency)) for currency, amount in sorted(group.stake.items())]


def _summary(group: FailureGroup, place: Place) -> str:
    money = money_at_stake(group)
    worth = ", ".join(money[:_CURRENCIES_IN_SUMMARY])
    if len(money) > _CURRENCIES_IN_SUMMARY:
        worth += f" and {len(money) - _CURRENCIES_IN_SUMMARY} more currencies"
    count = f"{group.open} failure{'s' if group.open != 1 else ''}"
    text = f"[{place.environment}] {group.title}: {count} waiting{f', {worth} at stake' if worth else ''}"
    return text[:LONGEST_SUMMARY]


def _details(group: FailureGroup, place: Place) -> dict[str, Any]:
    step, _, error_class = group.title.partition(":")
    return {
        "environment": place.environment,
        "step": step,
        "error_class": error_class,
        "frame": group.frame,
        "open": group.open,
        "total": group.total,
        "money_at_stake": money_at_stake(group),
        "first_seen": group.first_seen,
        "last_seen": group.last_seen,
        "command": f"orders dlq plan --group {group.fingerprint} --env {place.environment}",
        "runbook": _runbook(group, place),
    }


def _links(group: FailureGroup, place: Place) -> list[dict[str, str]]:
    links = []
    if _runbook(group, place).startswith("https://"):
        links.append({"href": _runbook(group, place), "text": f"Runbook for {group.title}"})
    if place.region:
        console = f"https://{place.region}.console.aws.amazon.com/cloudwatch/home?region={place.region}"
        log = f"$252Faws$252Flambda$252Forders-{place.environment}-dispatch"
        links.append({"href": f"{console}#logsV2:log-groups/log-group/{log}", "text": "Log of dispatch"})
    return links


def _runbook(group: FailureGroup, place: Place) -> str:
    return f"{place.runbooks}/{_step(group).replace(' ', '-')}.md"


def _step(group: FailureGroup) -> str:
    return group.title.partition(":")[0]
