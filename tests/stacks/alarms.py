"""CloudWatch's evaluation of an alarm, over data that a test has: what went off, on AWS, and when.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.stacks.templates import short_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_STATISTICS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
}


@dataclass(frozen=True)
class Metric:
    """A metric's identity; dimensions are sorted pairs, resources by the template's short names."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> Metric:
        """Read it as a template has it."""
        dimensions = ((d["Name"], short_name(d["Value"])) for d in properties.get("Dimensions", []))
        return cls(properties["Namespace"], properties["MetricName"], tuple(sorted(dimensions)))


Period = dict[Metric, list[float]]
"""What was put of each metric in one of the alarm's periods."""


def written(lines: Sequence[Mapping[str, Any]]) -> Period:
    """What CloudWatch makes of lines in its embedded metric format."""
    found: Period = {}
    for line in lines:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = tuple(sorted((name, line[name]) for name in names))
                for metric in directive["Metrics"]:
                    key = Metric(directive["Namespace"], metric["Name"], dimensions)
                    found.setdefault(key, []).extend(line[metric["Name"]])
    return found


def goes_off(alarm: Mapping[str, Any], *periods: Period) -> bool:
    """Whether the alarm is in ALARM after these periods, the newest last, before which there was no data."""
    watched = int(alarm["EvaluationPeriods"])
    values = [_value(alarm, period) for period in periods[-watched:]]
    values += [None] * (watched - len(values))
    missing = {"notBreaching": False, "breaching": True}[alarm["TreatMissingData"]]
    breaching = sum(missing if value is None else _breaches(alarm, value) for value in values)
    return breaching >= int(alarm.get("DatapointsToAlarm", watched))


def _breaches(alarm: Mapping[str, Any], value: float) -> bool:
    threshold = float(alarm["Threshold"])
    match alarm["ComparisonOperator"]:
        case "GreaterThanThreshold":
            return value > threshold
        case "LessThanThreshold":
            return value < threshold
    raise AssertionError(alarm["ComparisonOperator"])


def _value(alarm: Mapping[str, Any], period: Period) -> float | None:
    if "MetricName" in alarm:
        return _statistic(Metric.of(alarm), alarm["Statistic"], period)
    by_id: dict[str, float | None] = {}
    (expression,) = (m["Expression"] for m in alarm["Metrics"] if "Expression" in m)
    for metric in alarm["Metrics"]:
        if "MetricStat" in metric:
            stat = metric["MetricStat"]
            by_id[metric["Id"]] = _statistic(Metric.of(stat["Metric"]), stat["Stat"], period)
    names = re.fullmatch(r"(\w+) \+ (\w+)", expression)
    assert names, f"no other expression is known here: {expression}"
    first, second = (by_id[name] for name in names.groups())
    # An operation on a series without data has none: both are always written together.
    return None if first is None or second is None else first + second


def _statistic(metric: Metric, statistic: str, period: Period) -> float | None:
    values = period.get(metric)
    return _STATISTICS[statistic](values) if values else None
