"""What the two functions that page are both put together from."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lambdas.adapters.pagerduty import PagerDuty
from lambdas.adapters.secrets import CachedSecret
from lambdas.domain.alert import Place
from lambdas.services.tell_pager import TellPager

if TYPE_CHECKING:
    from lambdas.domain.failure_store import Failures
    from lambdas.domain.timestamps import Clock
    from lambdas.environment import PagingEnvironment


def pager_of(
    environment: PagingEnvironment,
    failures: Failures,
    secrets: Any,  # noqa: ANN401 - botocore's client
    now: Clock,
) -> TellPager:
    """What tells PagerDuty of a group of `failures`, with the routing key from its secret."""
    region = None if environment.environment == "local" else os.environ.get("AWS_REGION")
    return TellPager(
        failures,
        PagerDuty(CachedSecret(secrets, environment.pagerduty_secret_id), environment.pagerduty_url),
        Place(environment.environment, environment.runbooks, region),
        timedelta(seconds=environment.paging_gap_seconds),
        now,
    )
