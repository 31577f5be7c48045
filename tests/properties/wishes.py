"""What a client changes its mind about: a cancellation, or a refund in one of its forms, by a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.fakes.pipeline import CLIENT

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
    from tests.fakes.pipeline import Pipeline

_FORMS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"restock": True},
    {"amount": 1},
    {"amount": 333},
    {"amount": 900},
    {"lines": [{"line": 1, "quantity": 1}]},
    {"lines": [{"line": 1, "quantity": 1}], "restock": True},
    {"lines": [{"line": 1, "quantity": 2}, {"line": 2, "quantity": 1}], "restock": True},
)


@dataclass(frozen=True, slots=True)
class Wish:
    """One request: `number` chooses the order, the form and the key."""

    kind: Literal["cancel", "refund"]
    number: int

    def send(self, pipeline: Pipeline, orders: list[OrderId]) -> None:
        """Ask for it; the same wish has the same key, as a client's retry has."""
        order_id = orders[self.number % len(orders)]
        key = f"{self.kind}-{self.number}"
        if self.kind == "cancel":
            pipeline.request_cancel(CLIENT, order_id, key, {})
        else:
            form = _FORMS[self.number % len(_FORMS)]
            pipeline.request_refund(CLIENT, order_id, key, {"reason_code": "returned", **form})
