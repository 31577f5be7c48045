"""Bad input through the deployed template: its status, its code, nothing written, nothing secret logged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from lambdas.domain.identifiers import ClientId, order_id_for
from orders.api_client import ApiRefused
from tests.e2e.bodies import body
from tests.e2e.conftest import ended, eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

CARD_NUMBER = "4242 4242 4242 4242"
_POOL = urllib3.PoolManager()


def post(pipeline: Pipeline, content: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    """Post without any help of a client."""
    sent = {"X-Orders-Client": "mallory", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    answer = _POOL.request("POST", f"{pipeline.addresses.api_url}/v1/orders", body=content, headers=sent)
    return answer.status, answer.json()


def case(sku: str, **changes: Any) -> bytes:
    """A good order with changes."""
    return json.dumps({**json.loads(body((sku, 1))), **changes}).encode()


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"total": 12.0}, "/total", "wrong_type"),
        ({"total": 1199}, "/total", "total_mismatch"),
        ({"colour": "red"}, "/colour", "unknown_field"),
        ({"currency": "XXX"}, "/currency", "unknown_currency"),
        ({"currency": "EUR"}, "/lines/0/sku", "currency_mismatch"),
        ({"lines": []}, "/lines", "out_of_range"),
        ({"lines": [{"sku": "NO-SUCH", "quantity": 1}]}, "/lines/0/sku", "unknown_sku"),
        ({"payment_method": CARD_NUMBER}, "/payment_method", "card_number_refused"),
        ({"payment_method": None}, "/payment_method", "required"),
    ],
)
def test_an_invalid_order_is_422_with_pointer_and_code(
    pipeline: Pipeline, mug: str, changes: dict[str, Any], pointer: str, code: str
) -> None:
    status, problem = post(pipeline, case(mug, **changes), Idempotency_Key="bad")
    assert (status, problem["code"], problem["retryable"]) == (422, "invalid_order", False)
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [(pointer, code)]
    assert CARD_NUMBER not in json.dumps(problem)
    _nothing_was_written(pipeline)


@pytest.mark.parametrize("quantity", [-1, 0, 100_001, 10**30, 1.5, "2", True, None])
def test_an_absurd_quantity_is_422(pipeline: Pipeline, mug: str, quantity: object) -> None:
    lines = [{"sku": mug, "quantity": quantity}]
    status, problem = post(pipeline, case(mug, lines=lines), Idempotency_Key="bad")
    assert (status, problem["errors"][0]["pointer"]) == (422, "/lines/0/quantity")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"not json", 400, "malformed_json"),
        (b'{"currency": NaN}', 400, "malformed_json"),
        (b"[" * 100_000, 400, "malformed_json"),
        (b"[]", 422, "invalid_order"),
        (b" " * 400_000, 413, "payload_too_large"),
    ],
)
def test_a_body_that_is_no_order_is_refused(
    pipeline: Pipeline, content: bytes, status: int, code: str
) -> None:
    answer, problem = post(pipeline, content, Idempotency_Key="bad")
    assert (answer, problem["code"]) == (status, code)
    _nothing_was_written(pipeline)


@pytest.mark.parametrize(
    ("key", "code"),
    [("", "idempotency_key_required"), ("x" * 256, "idempotency_key_too_long")],
)
def test_a_bad_idempotency_key_is_400(pipeline: Pipeline, mug: str, key: str, code: str) -> None:
    headers = {"Idempotency_Key": key} if key else {}
    status, problem = post(pipeline, case(mug), **headers)
    assert (status, problem["code"]) == (400, code)


def test_a_reused_key_is_422_and_a_refused_request_does_not_use_it_up(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("nina")
    with pytest.raises(ApiRefused):
        client.submit(b"{}", "key-1")
    order = client.submit(body((mug, 1)), "key-1").order
    assert client.submit(body((mug, 1)), '"key-1"').replayed
    with pytest.raises(ApiRefused) as refused:
        client.submit(body((mug, 2)), "key-1")
    assert refused.value.problem["code"] == "idempotency_key_reused"
    ended(client, order["order_id"])


def test_another_clients_order_is_not_there(pipeline: Pipeline, mug: str) -> None:
    order_id = pipeline.client("olga").submit(body((mug, 1)), "mine").order["order_id"]
    for foreign in (order_id, "ord_" + "a" * 26, "nonsense"):
        with pytest.raises(ApiRefused) as refused:
            pipeline.client("peggy").get(foreign)
        assert (refused.value.status, refused.value.problem["code"]) == (404, "not_found")
    assert pipeline.client("peggy").page() == ([], None)
    ended(pipeline.client("olga"), order_id)


def test_the_list_has_every_order_once_newest_first(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("quentin")
    ids = [client.submit(body((mug, 1)), f"n-{n}").order["order_id"] for n in range(5)]
    listed, cursor = client.page(limit=2)
    while cursor:
        page, cursor = client.page(cursor, limit=2)
        listed += page
    assert [o["order_id"] for o in listed] == ids[::-1]
    for order_id in ids:
        ended(client, order_id)


def test_nothing_secret_is_logged(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("sybil-the-client")
    post(pipeline, case(mug, payment_method=CARD_NUMBER), Idempotency_Key="secret-key")
    order_id = client.submit(body((mug, 1), card="pm_card_mastercard"), "secret-key").order["order_id"]
    ended(client, order_id)
    logs = eventually(pipeline.logs, lambda text: order_id in text)
    for secret in (
        CARD_NUMBER,
        CARD_NUMBER.replace(" ", ""),
        "pm_card_mastercard",
        "sk_test",
        "sybil",
        "secret-key",
    ):
        assert secret not in logs, secret


def _nothing_was_written(pipeline: Pipeline) -> None:
    order_id = order_id_for(ClientId("mallory"), "bad")
    key = {"order_id": {"S": order_id}, "item": {"S": "HEAD"}}
    table = pipeline.addresses.outputs["OrdersTableName"]
    assert "Item" not in pipeline.aws("dynamodb").get_item(TableName=table, Key=key)
