"""What the world looks like when all is done, so that two worlds can be compared.

Ids that we derive and all amounts are compared as they are. Left out is only what has to differ when
something went wrong on the way:

- times: what came later came later (`*_at`, an event's `time`, the timeline's times, the time and shard of an
  entry's `period`, and its `hash`, which covers its time);
- `revision`, and how often the timeline has `processing` and `attention_required`: they count the tries;
- what a timeline has lost beyond its 20 events, after many tries: what is left has to be in its place;
- `key_generation` and `handed_back`: likewise;
- the ids that the provider draws: they are numbered, payments in their order, refunds in that of our ids;
- failures that were resolved, and what was archived and paged of them: that somebody had to look does not
  change how it ended. What still waits, and incidents still open, are compared;
- records of Powertools and the breaker: a cache and a brake, which no result may depend on. That none does
  is what the comparison of everything else shows.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.attributes import from_item
from lambdas.adapters.dynamodb.ledger import entry_from_item, entry_values
from lambdas.adapters.dynamodb.order_items import HEAD, order_from_head
from lambdas.adapters.dynamodb.refunds import PREFIX, refund_from_item
from lambdas.domain.order import TIMELINE_LIMIT
from tests.adapters.tables import INVENTORY, LEDGER, ORDERS
from tests.faults.aws import DEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.order import Order
    from tests.faults.world import World

View = dict[str, Any]

# Events of the timeline that count tries.
_TRIES: Final = frozenset({"processing", "attention_required"})
CUT: Final = "..."
_PROVIDERS_ID: Final = re.compile(r"\b(?:pi|re|ch)_[0-9a-zA-Z]+\b")
_TIMES: Final = re.compile(r"(^|_)at$|^time$")


def observe(world: World) -> View:
    """Look at everything."""
    provider, warehouse = world.outside.provider, world.outside.warehouse
    view = {
        "orders": dict(_orders(world)),
        "on hand": {item["sku"]["S"]: int(item["on_hand"]["N"]) for item in world.aws.items(INVENTORY)},
        "ledger": {
            entry.entry_id: _without(entry_values(entry), "booked_at", "period", "hash")
            for entry in map(entry_from_item, world.aws.items(LEDGER))
        },
        "events": _events(world.aws.events),
        "payments": [
            _without(intent, "created")
            for intent in world.outside.tell(provider, "GET", "intents")["intents"]
        ],
        "refunds at the provider": [
            {name: refund[name] for name in ("id", "amount", "payment_intent", "status", "metadata")}
            for refund in sorted(
                provider._store.select("refund", "1 = 1"), key=lambda refund: str(refund["metadata"])
            )
        ],
        "shipments": [
            _without(shipment, "accepted_at")
            for shipment in world.outside.tell(warehouse, "GET", "shipments")["shipments"]
        ],
        "ruled out at the warehouse": sorted(
            row[0] for row in warehouse._database._connection.execute("SELECT order_id FROM cancellations")
        ),
        "messages": sorted(message["body"] for message in world.aws.messages()),
        "dead letters": sorted(message["body"] for message in world.aws.messages(DEAD)),
        "failures that wait": sorted(f.subject for f in world.failures() if f.waiting),
        "open incidents": world.outside.tell(world.outside.pager, "GET", "incidents")["open"],
        "answers": [_timeless(answer) for answer in world.answers],
    }
    return _with_numbered_ids(view)


def differences(clean: Any, other: Any, path: str = "") -> Iterator[str]:
    """Tell where two views differ, one line per difference."""
    if isinstance(clean, dict) and isinstance(other, dict):
        for name in sorted({*clean, *other}, key=str):
            yield from differences(clean.get(name), other.get(name), f"{path}.{name}" if path else str(name))
    elif _is_cut(other):
        left = iter(clean[1:] if _is_cut(clean) else clean)
        if not all(event in left for event in other[1:]):
            yield f"{path}: {other!r} is no part of {clean!r}"
    elif clean != other:
        yield f"{path}: {other!r} instead of {clean!r}"


def _is_cut(value: Any) -> bool:
    return isinstance(value, list) and value[:1] == [CUT]


def _orders(world: World) -> Iterator[tuple[str, View]]:
    for item in world.aws.items(ORDERS):
        order_id, name = item["order_id"]["S"], item["item"]["S"]
        if name == HEAD:
            # Which index an open order is in shows in the item alone.
            yield f"{order_id} {name}", {**_head(order_from_head(item)), "indexed": "open" in item}
        elif name.startswith(PREFIX):
            yield f"{order_id} {name}", _timeless(asdict(refund_from_item(item)))
        else:
            yield f"{order_id} {name}", from_item(item)


def _head(order: Order) -> View:
    timeline = [event.name for event in order.timeline if event.name not in _TRIES]
    if len(order.timeline) >= TIMELINE_LIMIT:
        timeline.insert(0, CUT)
    values = asdict(replace(order, revision=0, key_generation=0, handed_back=0, timeline=()))
    return {**_timeless(values), "timeline": timeline}


def _events(sent: list[View]) -> View:
    """By their ids, since a consumer drops repeats; a repeat has to say what the first said."""
    by_id: View = {}
    for event in sent:
        first = by_id.setdefault(event["id"], event)
        assert _said(event) == _said(first), f"a repeat of {event['id']} says something else"
    return {id_: _timeless(event) for id_, event in by_id.items()}


def _said(event: View) -> View:
    """Of a refund a repeat may know of later refunds, by its documentation."""
    later = ("refunded", "payment_status") if "refund" in event["data"] else ()
    return {**event, "data": _without(event["data"], *later)}


def _timeless(value: Any) -> Any:
    match value:
        case dict():
            return {name: _timeless(part) for name, part in value.items() if not _TIMES.search(name)}
        case list() | tuple():
            return [_timeless(part) for part in value]
    return value


def _without(values: View, *names: str) -> View:
    return {name: value for name, value in values.items() if name not in names}


def _with_numbered_ids(view: View) -> View:
    """Number the provider's ids in the order in which they come up in its own lists."""
    lists = json.dumps([view["payments"], view["refunds at the provider"]])
    numbers = {id_: f"#{n}" for n, id_ in enumerate(dict.fromkeys(_PROVIDERS_ID.findall(lists)), 1)}
    text = json.dumps(view, default=str)
    numbered: View = json.loads(_PROVIDERS_ID.sub(lambda found: numbers.get(found[0], found[0]), text))
    return numbered
