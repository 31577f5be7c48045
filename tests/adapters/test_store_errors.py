"""DynamoDB's failures in the domain's words: what may pass is StoreUnavailable, the rest shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lambdas.adapters import clients
from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.ledger import DynamoJournal
from lambdas.adapters.dynamodb.stock import DynamoStock
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.ledger import capture_entry
from lambdas.domain.transitions import completed, reserved
from tests.adapters.endpoints import answering, hanging, http_answer, refusing_port
from tests.adapters.examples import CLAIM, CLIENT, LATER, an_order, many_lines
from tests.adapters.tables import INVENTORY, LEDGER, ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable

ORDER = an_order()
CALLS: dict[str, Callable[[Any], object]] = {
    "get": lambda c: DynamoOrderStore(c, ORDERS).get(ORDER.order_id),
    "create": lambda c: DynamoOrderStore(c, ORDERS).create(ORDER),
    "create large": lambda c: DynamoOrderStore(c, ORDERS).create(an_order(lines=many_lines(50))),
    "page": lambda c: DynamoOrderStore(c, ORDERS).page(CLIENT, None, 5),
    "claim": lambda c: DynamoOrderStore(c, ORDERS).claim(ORDER.order_id, CLAIM, 1, LATER),
    "save": lambda c: DynamoOrderStore(c, ORDERS).save(reserved(ORDER, LATER), CLAIM),
    "give back": lambda c: DynamoOrderStore(c, ORDERS).give_back(ORDER.order_id, CLAIM, LATER, None),
    "reserve": lambda c: DynamoStock(c, INVENTORY, ORDERS).reserve(ORDER, ORDER.lines or (), CLAIM, LATER),
    "reserve large": lambda c: DynamoStock(c, INVENTORY, ORDERS).reserve(
        ORDER, many_lines(100), CLAIM, LATER
    ),
    "book": lambda c: DynamoJournal(c, LEDGER, ORDERS).book(
        completed(ORDER, LATER), capture_entry(ORDER, LATER, "pi_1"), CLAIM
    ),
    "entries": lambda c: list(DynamoJournal(c, LEDGER, ORDERS).entries_of_day("2026-11-20")),
}


def client_of(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(clients, "CONNECT_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    return make_client("dynamodb", read_timeout=0.05, attempts=1)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ProvisionedThroughputExceededException", 400),
        ("RequestLimitExceeded", 400),
        ("ThrottlingException", 400),
        ("LimitExceededException", 400),
        ("TransactionConflictException", 400),
        ("TransactionInProgressException", 400),
        ("ReplicatedWriteConflictException", 400),
        ("InternalServerError", 500),
        ("ServiceUnavailable", 503),
        ("AnythingElse", 502),
    ],
)
def test_throttling_conflicts_and_server_errors_may_pass(code: str, status: int) -> None:
    client = make_client("dynamodb", attempts=1)
    with Stubber(client) as stubber:
        stubber.add_client_error("get_item", code, http_status_code=status)
        with pytest.raises(StoreUnavailable, match=code):
            CALLS["get"](client)


@pytest.mark.parametrize(
    "code", ["ValidationException", "AccessDeniedException", "ResourceNotFoundException"]
)
def test_what_no_retry_mends_is_not_hidden(code: str) -> None:
    client = make_client("dynamodb", attempts=1)
    with Stubber(client) as stubber:
        stubber.add_client_error("get_item", code)
        with pytest.raises(ClientError, match=code):
            CALLS["get"](client)


@pytest.mark.parametrize("name", CALLS)
def test_an_address_that_refuses_is_an_unavailable_store(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(f"http://127.0.0.1:{refusing_port()}", monkeypatch)
    with pytest.raises(StoreUnavailable):
        CALLS[name](client)


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_that_never_comes_is_an_unavailable_store(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hanging() as (url, _):
        client = client_of(url, monkeypatch)
        with pytest.raises(StoreUnavailable):
            CALLS[name](client)


@pytest.mark.parametrize(
    "answer",
    [b"", http_answer(200, b'{"Item"', 500), http_answer(500, b"{}"), http_answer(503, b"<html>no</html>")],
    ids=["cut", "torn", "500", "503 of a proxy"],
)
def test_a_broken_answer_is_an_unavailable_store(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(answer) as url:
        client = client_of(url, monkeypatch)
        with pytest.raises(StoreUnavailable):
            CALLS["get"](client)


def test_two_tries_fit_into_a_functions_ten_seconds() -> None:
    """The client that the functions make: (connect + read) x tries; botocore's pauses are on top."""
    config = make_client("dynamodb").meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}
    worst = (clients.CONNECT_TIMEOUT_SECONDS + clients.READ_TIMEOUT_SECONDS) * 2
    assert worst < 10
