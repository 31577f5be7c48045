"""What an order costs in write units, by DynamoDB's own size rules.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html:
- an item is the sum of its attributes, each its name and its value in UTF-8;
- a string is its bytes, a boolean 1, a number about (significant digits / 2) + 1, at most 21;
- a list or map is 3 bytes and its contents, plus 1 for each element or key-value pair.
A write unit takes up to 1 KB; an index takes a write of its own when an item enters or leaves it.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.attributes import item_bytes as weigh
from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.ledger import entry_values
from lambdas.adapters.dynamodb.order_items import GROWTH_BYTES, head_key
from lambdas.domain.identifiers import ClientId
from lambdas.domain.ledger import capture_entry
from lambdas.domain.order import Line, Order
from lambdas.domain.transitions import completed, payment_started, reserved
from tests.adapters.examples import LATER, MUCH_LATER, an_order, claim_order
from tests.adapters.tables import ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.adapters.dynamodb.claims import DynamoOrderStore

WRITE_UNIT_BYTES = 1024
ITEM_LIMIT_BYTES = 400 * 1024
INTENT = "pi_3QLkyZ2eZvKYlo2C1abcDEFg"
ROLE = ClientId("arn:aws:iam::123456789012:role/orders-client")
TWO_USUAL_LINES = (Line("MUG-BLUE-350ML-01", 2, 1250, 2000), Line("TEA-ASSAM-LOOSE-250G", 12, 800, 500))


def attribute_bytes(attribute: dict[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(str(value).encode())
        case "BOOL":
            return 1
        case "N":
            digits = str(value).removeprefix("-").strip("0")
            return ceil(len(digits) / 2) + 1 + str(value).startswith("-")
        case "L":
            return 3 + sum(1 + attribute_bytes(element) for element in value)
        case "M":
            return 3 + sum(1 + len(name.encode()) + attribute_bytes(v) for name, v in value.items())
    raise AssertionError(kind)


def item_bytes(item: dict[str, Any]) -> int:
    return sum(len(name.encode()) + attribute_bytes(value) for name, value in item.items())


def write_units(item: dict[str, Any]) -> int:
    return ceil(item_bytes(item) / WRITE_UNIT_BYTES)


def heads_of_a_sale(orders: DynamoOrderStore, dynamodb: Any, order: Order) -> list[dict[str, Any]]:
    """The head's item after each of its writes: accepted, claimed, payment, reserved, completed."""
    heads = []

    def look() -> None:
        heads.append(dynamodb.get_item(TableName=ORDERS, Key=head_key(order.order_id))["Item"])

    claim = f"{order.order_id}-0123456789ab"
    orders.create(order)
    look()
    changed = claim_order(orders, order.order_id, claim)
    look()
    steps: list[Callable[[Order], Order]] = [
        lambda o: payment_started(o, LATER, INTENT),
        lambda o: reserved(o, LATER),
        lambda o: completed(o, MUCH_LATER),
    ]
    for step in steps:
        changed = step(changed)
        orders.save(changed, claim)
        look()
    return heads


@pytest.mark.parametrize(
    ("attribute", "size"),
    [
        ({"S": "mañana"}, 7),
        ({"BOOL": True}, 1),
        ({"N": "1"}, 2),
        ({"N": "1234"}, 3),
        ({"N": "-1200"}, 3),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 3 + 1 + 2 + 1 + 2),
        ({"M": {"sku": {"S": "ab"}}}, 3 + 1 + 3 + 2),
    ],
)
def test_sizes_are_counted_as_dynamodb_documents_it(attribute: dict[str, Any], size: int) -> None:
    assert attribute_bytes(attribute) == size


@pytest.mark.parametrize(
    "client", [ClientId("6f1c1f7e-3f0a-4f6e-9d5a-8f4f9f1c2b3a"), ROLE], ids=["token", "role"]
)
@pytest.mark.parametrize("reference", [None, "PO-2026-004711", "x" * 100, "ü" * 100])
def test_the_head_of_a_two_line_order_is_one_write_unit_in_every_state(
    orders: DynamoOrderStore, dynamodb: Any, client: ClientId, reference: str | None
) -> None:
    order = an_order(
        client=client,
        lines=TWO_USUAL_LINES,
        payment_method="pm_1QLkyZ2eZvKYlo2C1abcDEFg",
        reference=reference,
    )
    heads = heads_of_a_sale(orders, dynamodb, order)
    assert [write_units(head) for head in heads] == [1] * 5, [item_bytes(head) for head in heads]


def test_the_adapter_weighs_an_item_at_least_as_heavy_as_it_is(
    orders: DynamoOrderStore, dynamodb: Any
) -> None:
    """It decides by this whether the lines fit into the head."""
    for head in heads_of_a_sale(orders, dynamodb, an_order(lines=TWO_USUAL_LINES, reference="ü" * 40)):
        assert item_bytes(head) <= weigh(head) <= item_bytes(head) + 30


def test_a_head_grows_no_more_than_is_kept_free(orders: DynamoOrderStore, dynamodb: Any) -> None:
    heads = heads_of_a_sale(orders, dynamodb, an_order(lines=TWO_USUAL_LINES))
    assert max(map(item_bytes, heads)) - item_bytes(heads[0]) <= GROWTH_BYTES


def test_a_two_line_order_is_one_item(orders: DynamoOrderStore, dynamodb: Any) -> None:
    orders.create(an_order(lines=TWO_USUAL_LINES))
    assert len(dynamodb.scan(TableName=ORDERS)["Items"]) == 1


def test_two_indexes_take_three_writes_of_their_own_over_an_orders_life(
    orders: DynamoOrderStore, dynamodb: Any
) -> None:
    """By client: put once. Open orders: put once, deleted at the end. Nothing between touches their keys."""
    keys = ("client", "open", "accepted_at")
    seen = [tuple(h.get(k) for k in keys) for h in heads_of_a_sale(orders, dynamodb, an_order())]
    assert seen[:4] == [seen[0]] * 4
    client, open_, accepted_at = seen[0]
    assert open_ is not None
    assert seen[4] == (client, None, accepted_at)


def test_a_ledger_entry_is_one_write_unit() -> None:
    order = an_order(lines=TWO_USUAL_LINES)
    assert write_units(to_item(entry_values(capture_entry(order, LATER, INTENT)))) == 1


def test_no_item_of_the_largest_order_nears_dynamodbs_limit(orders: DynamoOrderStore, dynamodb: Any) -> None:
    """A thousand lines whose SKUs and price points have the longest names that the API takes."""
    lines = tuple(Line(f"{n:064d}", 100_000, 99, 2500, f"{n:064d}") for n in range(1000))
    heads = heads_of_a_sale(orders, dynamodb, an_order(client=ROLE, lines=lines, reference="ü" * 100))
    items = dynamodb.scan(TableName=ORDERS)["Items"]
    assert len(items) == 2
    assert max(map(item_bytes, items)) < ITEM_LIMIT_BYTES * 0.6
    assert max(map(write_units, heads)) == 1
