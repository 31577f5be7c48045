"""One engine, one provider, one warehouse and one of each function for all cases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lambdas.adapters.dynamodb.failure_records import DynamoFailures
from orders.local.engine.process import EngineProcess
from orders.local.run import ROUTING_KEY
from orders.local.standins.pagerduty import PagerDutyStandIn
from orders.local.standins.remote import RemoteControl
from orders.local.standins.stripe import PaymentStandIn
from orders.local.standins.warehouse import WarehouseStandIn
from tests.adapters.tables import FAILURES, create_tables
from tests.engine.cloud import Cloud
from tests.engine.conftest import free_port
from tests.fakes.clock import FakeClock
from tests.faults.functions import (
    ARCHIVE,
    PAGER_SECRET,
    PAYMENT_SECRET,
    UNREADABLE,
    WAREHOUSE_SECRET,
    Functions,
    environment_of,
)
from tests.faults.site import Site, WatchedBus
from tests.faults.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The pipeline, empty."""
    log = tmp_path_factory.mktemp("faults") / "engine.log"
    with (
        EngineProcess(free_port(), None, log, auth=False) as engine,
        PaymentStandIn() as provider,
        WarehouseStandIn() as warehouse,
        PagerDutyStandIn() as pager,
        pytest.MonkeyPatch.context() as patch,
    ):
        made = _site(Cloud(engine.url), provider.url, warehouse.url, pager.url)
        variables = environment_of(engine.url, made.queue_url, provider.url, warehouse.url, pager.url)
        made.functions.load(patch, variables, made.run_workflow)
        yield made
        made.functions.unload()


def _site(cloud: Cloud, provider_url: str, warehouse_url: str, pager_url: str) -> Site:
    create_tables(cloud.dynamodb)
    cloud.secrets.create_secret(Name=PAYMENT_SECRET, SecretString="sk_test_faults")
    cloud.secrets.create_secret(Name=WAREHOUSE_SECRET, SecretString="token")
    cloud.secrets.create_secret(Name=PAGER_SECRET, SecretString=ROUTING_KEY)
    for bucket in (ARCHIVE, UNREADABLE):
        cloud.client("s3").create_bucket(Bucket=bucket)
    dead_url = cloud.queue()
    redrive = {"deadLetterTargetArn": cloud.queue_arn(dead_url), "maxReceiveCount": 4}
    queue_url = cloud.queue(RedrivePolicy=json.dumps(redrive), VisibilityTimeout="1200")
    wire, clock = Wire(), FakeClock()
    return Site(
        wire,
        clock,
        Functions(wire, clock),
        WatchedBus(wire),
        cloud.dynamodb,
        cloud.queues,
        queue_url,
        dead_url,
        RemoteControl(provider_url),
        RemoteControl(warehouse_url),
        RemoteControl(pager_url),
        DynamoFailures(cloud.dynamodb, FAILURES),
    )
