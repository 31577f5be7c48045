"""The world after a case: everything that orders left behind, without what may differ from run to run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.attributes import from_item
from tests.adapters.tables import FAILURES, INVENTORY, LEDGER, ORDERS

if TYPE_CHECKING:
    from tests.faults.site import Site

World = dict[str, Any]

# Times, beside all whose name ends in `_at`, and what is made from them.
_TIMES: Final = frozenset({"created", "time", "period"})
# Who wrote last and how often: more tries, more of them.
_TRIES: Final = frozenset({"revision", "claim_until", "key_generation", "handed_back", "ending"})
# Digests of what is compared itself, but for times and ids.
_DIGESTS: Final = frozenset({"hash", "open"})
_LEFT_OUT: Final = _TIMES | _TRIES | _DIGESTS
# On the timeline, because an order may be taken on and set aside any number of times.
_REPEATED: Final = frozenset({"processing", "attention_required"})


def look(site: Site) -> World:
    """Look at everything that is known of this case's orders."""
    orders = {f"order {n}": _order(site, order_id) for n, order_id in enumerate(site.orders)}
    shelves = site.dynamodb.scan(TableName=INVENTORY)["Items"]
    world = {
        **orders,
        "shelves": {item["sku"]["S"]: int(item["on_hand"]["N"]) for item in shelves},
        "events": _events(site),
        # Who had to be told was told that it is over.
        "waiting": sorted(item["fingerprint"]["S"] for item in _waiting(site)),
        "incidents": [i["summary"] for i in site.pager.call("GET", "incidents?state=open")["incidents"]],
    }
    named = _named(site, world)
    # They were in the order of ids that are others in every run.
    named["events"].sort()
    return named


def differences(clean: World, found: World) -> list[str]:
    """Name every place in which two worlds differ."""
    return list(_differences("", clean, found))


def _order(site: Site, order_id: str) -> World:
    items = _query(site, ORDERS, order_id)
    shipments = site.warehouse.call("GET", "shipments")["shipments"]
    return {
        "items": {item["item"]: _item(item) for item in items},
        "entries": [_kept(entry) for entry in _query(site, LEDGER, order_id)],
        "payments": sorted(
            (_kept(i) for i in site.provider.call("GET", f"intents?order_id={order_id}")["intents"]), key=repr
        ),
        "shipments": [_kept(s) for s in shipments if s["order_id"] == order_id],
    }


def _waiting(site: Site) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = site.dynamodb.scan(TableName=FAILURES)["Items"]
    return [i for i in items if i["item"]["S"] == "FAILURE" and i["state"]["S"] in {"open", "replaying"}]


def _query(site: Site, table: str, order_id: str) -> list[dict[str, Any]]:
    answer = site.dynamodb.query(
        TableName=table,
        KeyConditionExpression="order_id = :o",
        ExpressionAttributeValues={":o": {"S": order_id}},
        ConsistentRead=True,
    )
    return [from_item(item) for item in answer["Items"]]


def _item(item: dict[str, Any]) -> World:
    kept: World = _kept(item)
    if kept.get("status") == "succeeded":
        kept.pop("failure", None)  # how a try failed before the one that did not
    if "timeline" in kept:
        names = [event.split(" ", 1)[1] for event in item["timeline"]]
        kept["timeline"] = sorted(name for name in names if name not in _REPEATED)
    return kept


def _events(site: Site) -> list[Any]:
    """At least once, so each id counts once; all with one id must say the same."""
    told: dict[str, set[str]] = {}
    for event in site.bus.events:
        told.setdefault(event["id"], set()).add(json.dumps(_kept(event), sort_keys=True))
    return [[name, sorted(versions)] for name, versions in sorted(told.items())]


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _kept(v) for k, v in value.items() if k not in _LEFT_OUT and not k.endswith("_at")}
    if isinstance(value, list):
        return [_kept(v) for v in value]
    return value


def _named(site: Site, world: World) -> World:
    """Put numbers in the place of ids, in the order in which they are met."""
    text = json.dumps(world, sort_keys=True, default=str)
    for n, order_id in enumerate(site.orders):
        # The ids of its entries are made from the order's own.
        text = text.replace(order_id, f"ord-{n}").replace(order_id.removeprefix("ord_"), f"of-{n}")
    for n, refund_id in enumerate(site.refunds):
        text = text.replace(refund_id, f"refund-{n}")
    for prefix in ("pi_", "re_", "ch_"):
        text = _numbered(text, prefix)
    named: World = json.loads(text)
    return named


def _numbered(text: str, prefix: str) -> str:
    """Number the ids that begin so, wherever they stand."""
    seen: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return seen.setdefault(found[0], f"{prefix}{len(seen)}")

    return re.sub(rf"\b{prefix}[A-Za-z0-9]{{10,}}", number, text)


def _differences(where: str, clean: Any, found: Any) -> Any:
    if isinstance(clean, dict) and isinstance(found, dict):
        for name in sorted({*clean, *found}):
            yield from _differences(f"{where}/{name}", clean.get(name, "-"), found.get(name, "-"))
    elif isinstance(clean, list) and isinstance(found, list) and len(clean) == len(found):
        for n, (one, other) in enumerate(zip(clean, found, strict=True)):
            yield from _differences(f"{where}/{n}", one, other)
    elif clean != found:
        yield f"{where}: {clean!r} became {found!r}"
