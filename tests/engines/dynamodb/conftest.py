from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.ledger import DynamoJournal
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from stacks.packaging.artefacts import PROJECT
from tests.adapters.tables import LEDGER, ORDERS, create_tables, drop_tables
from tests.engines.dynamodb.local import ENDPOINT, client_of, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def dynamodb_client() -> Iterator[Any]:
    """The DynamoDB that the environment names, else a DynamoDB Local of our own."""
    if ENDPOINT in os.environ:
        yield client_of(os.environ[ENDPOINT])
        return
    with running(PROJECT / ".build" / "engines") as local:
        yield client_of(local.url)


@pytest.fixture
def dynamodb(dynamodb_client: Any) -> Any:
    """DynamoDB with the pipeline's tables, empty."""
    drop_tables(dynamodb_client)
    create_tables(dynamodb_client)
    return dynamodb_client


@pytest.fixture
def orders(dynamodb: Any) -> DynamoOrderStore:
    """The orders table."""
    return DynamoOrderStore(dynamodb, ORDERS)


@pytest.fixture
def refunds(dynamodb: Any) -> DynamoRefunds:
    """The refunds in it."""
    return DynamoRefunds(dynamodb, ORDERS)


@pytest.fixture
def journal(dynamodb: Any) -> DynamoJournal:
    """The ledger."""
    return DynamoJournal(dynamodb, LEDGER, ORDERS)
