"""Alarms on one topic, each with what to do about it in its description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.aws_cloudwatch_actions import SnsAction

from stacks.constructs.function import METRICS_NAMESPACE

if TYPE_CHECKING:
    from aws_cdk import Duration
    from aws_cdk import aws_sns as sns
    from constructs import Construct

    from stacks.settings import Settings
    from stacks.timeouts import FunctionName


@dataclass(frozen=True, slots=True)
class Alarms:
    """Makes alarms in `scope` that notify `topic`."""

    scope: Construct
    topic: sns.ITopic
    settings: Settings

    def add(
        self,
        id_: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        periods: int,
        why: str,
        below: bool = False,
        datapoints: int | None = None,
    ) -> None:
        """An alarm above `threshold` in `datapoints` (or each) of `periods` spans of the metric's period.

        With `below` it goes off under the threshold, and no data is as bad.
        """
        comparison = cloudwatch.ComparisonOperator
        missing = cloudwatch.TreatMissingData
        cloudwatch.Alarm(
            self.scope,
            id_,
            alarm_name=f"{self.settings.stack_prefix}-{id_}",
            alarm_description=why,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            datapoints_to_alarm=datapoints,
            comparison_operator=(
                comparison.LESS_THAN_THRESHOLD if below else comparison.GREATER_THAN_THRESHOLD
            ),
            treat_missing_data=missing.BREACHING if below else missing.NOT_BREACHING,
        ).add_alarm_action(SnsAction(self.topic))

    def written(
        self, service: FunctionName, name: str, *, period: Duration | None = None, statistic: str = "Sum"
    ) -> cloudwatch.Metric:
        """A metric that a function writes by Powertools."""
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"service": service, "environment": self.settings.environment},
            period=period,
            statistic=statistic,
        )
