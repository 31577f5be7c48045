"""AWS as moto has it, with credentials that are none, and no network but this machine's own.

With ORDERS_DYNAMODB_ENDPOINT the tests of the tables run on the DynamoDB that answers there, and only they.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_socket
from moto import mock_aws

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from orders.local.standins.remote import RemoteControl
from orders.local.standins.stripe import PaymentStandIn
from orders.local.standins.warehouse import WarehouseStandIn
from tests.adapters.tables import ORDERS, create_tables, drop_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent
DYNAMODB_ENDPOINT = os.environ.get("ORDERS_DYNAMODB_ENDPOINT")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With another DynamoDB than moto's, leave out what has nothing to do with it; pytest tells how many."""
    if not DYNAMODB_ENDPOINT:
        return
    out = [
        item
        for item in items
        if FOLDER in item.path.parents and "dynamodb" not in getattr(item, "fixturenames", ())
    ]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in set(out)]


def set_aws_environment(patch: pytest.MonkeyPatch) -> None:
    """Make up credentials and region, and forget whose the machine has."""
    patch.setenv("AWS_ACCESS_KEY_ID", "testing")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    patch.setenv("AWS_SESSION_TOKEN", "testing")
    patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.delenv("AWS_PROFILE", raising=False)
    patch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.fixture(autouse=True)
def this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every other address."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    set_aws_environment(monkeypatch)


@pytest.fixture
def aws(this_machine_only: None) -> Iterator[None]:  # noqa: ARG001 - moto comes after the credentials
    """All of AWS in memory."""
    with mock_aws():
        yield


@pytest.fixture(scope="session")
def dynamodb_client() -> Any:
    """One for all tests, because botocore takes its time to make one; moto empties what is behind it."""
    with pytest.MonkeyPatch.context() as patch:
        set_aws_environment(patch)
        if DYNAMODB_ENDPOINT:
            patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", DYNAMODB_ENDPOINT)
        return make_client("dynamodb")


@pytest.fixture
def dynamodb(
    request: pytest.FixtureRequest,
    this_machine_only: None,  # noqa: ARG001 - credentials come first
    monkeypatch: pytest.MonkeyPatch,
    dynamodb_client: Any,
) -> Any:
    """DynamoDB with the pipeline's tables, empty."""
    if DYNAMODB_ENDPOINT:
        # For the clients that the code under test makes by itself.
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", DYNAMODB_ENDPOINT)
        drop_tables(dynamodb_client)
    else:
        request.getfixturevalue("aws")
    create_tables(dynamodb_client)
    return dynamodb_client


@pytest.fixture
def orders(dynamodb: Any) -> DynamoOrderStore:
    """The orders table."""
    return DynamoOrderStore(dynamodb, ORDERS)


@pytest.fixture
def provider() -> Iterator[PaymentStandIn]:
    """The payment provider, as new."""
    with PaymentStandIn() as running:
        yield running


@pytest.fixture
def provider_control(provider: PaymentStandIn) -> RemoteControl:
    """What makes the payment provider fail."""
    return RemoteControl(provider.url)


@pytest.fixture
def depot() -> Iterator[WarehouseStandIn]:
    """The warehouse, as new."""
    with WarehouseStandIn() as running:
        yield running


@pytest.fixture
def depot_control(depot: WarehouseStandIn) -> RemoteControl:
    """What makes the warehouse fail."""
    return RemoteControl(depot.url)
