"""PagerDuty's stand-in: its Events API v2 as far as alerts go, and the incidents that come of them."""

from orders.local.standins.pagerduty.events_api import PagerDutyStandIn

__all__ = ["PagerDutyStandIn"]
