"""What the two functions that page are both put together from."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from lambdas.adapters.clients import make_client
from lambdas.adapters.pagerduty import PagerDuty
from lambdas.adapters.secrets import CachedSecret
from lambdas.domain.alert import Place
from lambdas.domain.timestamps import utc_now
from lambdas.services.tell_pager import TellPager

if TYPE_CHECKING:
    from lambdas.domain.failure_store import Failures
    from lambdas.environment import PagingEnvironment


def pager_of(environment: PagingEnvironment, failures: Failures) -> TellPager:
    """What tells PagerDuty of a group of `failures`, with the routing key from its secret."""
    secret = CachedSecret(make_client("secretsmanager"), environment.pagerduty_secret_id)
    region = None if environment.environment == "local" else os.environ.get("AWS_REGION")
    return TellPager(
        failures,
        PagerDuty(secret, environment.pagerduty_url),
        Place(environment.environment, environment.runbooks, region),
        timedelta(seconds=environment.paging_gap_seconds),
        utc_now,
    )
