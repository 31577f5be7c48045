"""Alarms on what pages people: PagerDuty hears of failures from two functions, which may fail too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration

from stacks.constructs.incidents import ALERT_MINUTES

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from stacks.constructs.alarms import Alarms

_FIVE_MINUTES = Duration.minutes(5)


def alarm_incidents(alarms: Alarms, replay: lambda_.Function, alert: lambda_.Function) -> None:
    """Watch failures, the pages of them, and the two functions themselves."""
    _failures(alarms)
    _pages(alarms)
    alarms.add(
        "ReplayErrors",
        replay.metric_errors(period=_FIVE_MINUTES, statistic="Sum"),
        threshold=0,
        periods=1,
        why=(
            "`replay` could not drain a batch of dead letters: a table or the archive does not answer, or our"
            " code is wrong. They stay and come back every six minutes. See `dead letter stays` in its log."
        ),
    )
    alarms.add(
        "AlertErrors",
        alert.metric_errors(period=_FIVE_MINUTES, statistic="Sum"),
        threshold=0,
        periods=1,
        why="`alert` could not look at all groups of failures. It runs again every minute; see its log.",
    )
    alarms.add(
        "AlertSilent",
        # Over several runs: in a span of one there may be none, and the alarm would go off and on.
        alert.metric_invocations(period=Duration.minutes(5 * ALERT_MINUTES), statistic="Sum"),
        threshold=1,
        periods=1,
        why="`alert` does not run: pages that did not arrive are not repeated, and incidents never end.",
        below=True,
    )


def _failures(alarms: Alarms) -> None:
    alarms.add(
        "OpenFailures",
        alarms.written("alert", "OpenFailures", period=_FIVE_MINUTES, statistic="Maximum"),
        threshold=0,
        periods=3,
        why="Failures wait for a person, of whom PagerDuty has told: `orders dlq groups`.",
    )
    alarms.add(
        "FailuresQuarantined",
        alarms.written("replay", "FailuresQuarantined", period=_FIVE_MINUTES),
        threshold=0,
        periods=1,
        why=(
            "An order failed again after its last replay and was set aside: no incident is open for it any"
            " more. Which: `dead letter drained` with the state `quarantined` in the log of `replay`."
        ),
    )


def _pages(alarms: Alarms) -> None:
    alarms.add(
        "PagesPending",
        alarms.written("alert", "AlertsPending", period=_FIVE_MINUTES, statistic="Minimum"),
        threshold=0,
        periods=3,
        why=(
            "For 15 minutes PagerDuty does not know of a group of failures, or not of its end: it is down, or"
            " does not take our events. Look at the failures yourself: `orders dlq groups`."
        ),
    )
    alarms.add(
        "PagesRefused",
        alarms.written("alert", "AlertsRefused", period=_FIVE_MINUTES),
        threshold=0,
        periods=1,
        why=(
            "PagerDuty refuses our events: the routing key in the secret `pagerduty` is wrong or was taken"
            " back. Nobody is paged by it until that is mended."
        ),
    )
