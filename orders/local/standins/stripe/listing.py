"""Lists: newest first, pages by `starting_after` and `ending_before`.

Source: https://docs.stripe.com/api/pagination (`limit` 1 to 100, 10 when it is not given).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.local.standins.stripe.errors import invalid, no_such
from orders.local.standins.stripe.storage import SHOWN_AS

if TYPE_CHECKING:
    from orders.local.standins.messages import Json
    from orders.local.standins.stripe.storage import Store

DEFAULT_LIMIT, LARGEST_LIMIT = 10, 100
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Conditions:
    """SQL conditions over the table of objects, joined by AND."""

    def __init__(self) -> None:
        self._texts: list[str] = ["1"]
        self._values: list[object] = []

    def add(self, text: str, *values: object) -> None:
        """Add a condition of ours, its values bound."""
        self._texts.append(text)
        self._values.extend(values)

    def equals(self, column: str, value: object) -> None:
        """Add `column = value`, unless the value is None."""
        if value is not None:
            self.add(f"{column} = ?", value)

    def within(self, column: str, interval: Json | int | None) -> None:
        """Add a filter such as `created`: a second, or `{"gte": …, "lt": …}`."""
        if isinstance(interval, int):
            self.equals(column, interval)
        for name, bound in (interval if isinstance(interval, dict) else {}).items():
            self.add(f"{column} {COMPARISONS[name]} ?", bound)

    @property
    def where(self) -> tuple[str, tuple[object, ...]]:
        """The text and its values."""
        return " AND ".join(self._texts), tuple(self._values)


def page(store: Store, kind: str, url: str, params: Json, conditions: Conditions) -> Json:
    """One page of the objects that fulfil the conditions, as Stripe's list object.

    Raises:
        ApiError: 400 for a limit out of range or an unknown cursor.
    """
    limit = params.get("limit", DEFAULT_LIMIT)
    if not 1 <= limit <= LARGEST_LIMIT:
        raise invalid(
            f"Invalid limit: must be between 1 and {LARGEST_LIMIT}",
            code="parameter_invalid_integer",
            param="limit",
        )
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise invalid(
            "You cannot parameterize both starting_after and ending_before.", param="starting_after"
        )
    if before:
        rows = _before(store, kind, before, conditions)
        return _list(url, rows[-limit:], has_more=len(rows) > limit)
    if after:
        conditions.add("seq < ?", _place(store, kind, after, "starting_after"))
    where, values = conditions.where
    rows = store.select(kind, where, values, limit=limit + 1)
    return _list(url, rows[:limit], has_more=len(rows) > limit)


def _before(store: Store, kind: str, before: str, conditions: Conditions) -> list[Json]:
    conditions.add("seq > ?", _place(store, kind, before, "ending_before"))
    where, values = conditions.where
    return store.select(kind, where, values)


def _place(store: Store, kind: str, object_id: str, param: str) -> int:
    place = store.sequence(kind, object_id)
    if place is None:
        raise no_such(SHOWN_AS.get(kind, kind), object_id, param=param, in_path=False)
    return place


def _list(url: str, data: list[Json], *, has_more: bool) -> Json:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}
