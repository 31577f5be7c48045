"""The shipments that the warehouse accepted, by order, those ruled out for ever, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orders.local.standins.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from orders.local.standins.messages import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS shipments (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id TEXT NOT NULL UNIQUE,
    accepted_at INTEGER NOT NULL,
    lines TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS cancellations (order_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS refusals (kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, name));
"""

Lines = list[dict[str, "str | int"]]


class InvalidShipmentError(Exception):
    """The body is no shipment."""


class CancelledError(Exception):
    """Nothing will ever be shipped under this order."""


class Shipments:
    """Storage; `order_id` is the natural key, of a shipment or of its cancellation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, folder: Path | None) -> tuple[Database, Shipments]:
        """The database `warehouse.sqlite` of a folder, or one in memory."""
        database = Database(folder / "warehouse.sqlite" if folder else None, SCHEMA)
        return database, cls(database)

    def find(self, order_id: str) -> Json | None:
        """The order's shipment or the tombstone of it, as the API shows them, or None."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT order_id, accepted_at, lines FROM shipments WHERE order_id = ?", (order_id,)
            ).fetchone()
            if row is None and self._is_cancelled(order_id):
                return {"order_id": order_id, "status": "cancelled", "lines": []}
        return None if row is None else _shipment(row)

    def accept(self, order_id: str, lines: Lines, now: int) -> tuple[Json, bool]:
        """The shipment of the order, and whether it is new; another one is not overwritten.

        Raises:
            CancelledError: the order's shipment was ruled out.
        """
        with self._database.transaction() as connection:
            if self._is_cancelled(order_id):
                raise CancelledError(order_id)
            created = connection.execute(
                "INSERT OR IGNORE INTO shipments (order_id, accepted_at, lines) VALUES (?, ?, ?)",
                (order_id, now, json.dumps(lines)),
            ).rowcount
        found = self.find(order_id)
        if found is None:
            raise LookupError(order_id)
        return found, bool(created)

    def cancel(self, order_id: str) -> bool:
        """Rule a shipment out for ever; False when one was accepted."""
        with self._database.transaction() as connection:
            shipped = connection.execute("SELECT 1 FROM shipments WHERE order_id = ?", (order_id,)).fetchone()
            if shipped is None:
                connection.execute("INSERT OR IGNORE INTO cancellations VALUES (?)", (order_id,))
        return shipped is None

    def _is_cancelled(self, order_id: str) -> bool:
        with self._database.reading() as connection:
            found = connection.execute("SELECT 1 FROM cancellations WHERE order_id = ?", (order_id,))
            return found.fetchone() is not None

    def page(self, *, limit: int, after: str | None) -> tuple[list[Json], bool, int]:
        """Shipments in the order of acceptance, whether there are more, how many there are."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT order_id, accepted_at, lines FROM shipments WHERE seq > "
                "COALESCE((SELECT seq FROM shipments WHERE order_id = ?), 0) ORDER BY seq LIMIT ?",
                (after, limit + 1),
            ).fetchall()
            (total,) = connection.execute("SELECT COUNT(*) FROM shipments").fetchone()
        return [_shipment(row) for row in rows[:limit]], len(rows) > limit, int(total)

    def refuse(self, kind: str, name: str) -> None:
        """Refuse an order (`order_id`) or everything with a product (`sku`) from now on."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO refusals VALUES (?, ?)", (kind, name))

    def clear_refusals(self) -> None:
        """Refuse nothing any more."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM refusals")

    def is_refused(self, order_id: str, lines: Lines) -> bool:
        """Whether the order, or a product in it, is refused."""
        names = {("order_id", order_id), *(("sku", str(line["sku"])) for line in lines)}
        with self._database.reading() as connection:
            rows = connection.execute("SELECT kind, name FROM refusals").fetchall()
        return not names.isdisjoint(rows)

    def forget(self) -> None:
        """Delete everything."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM shipments")
            connection.execute("DELETE FROM cancellations")
            connection.execute("DELETE FROM refusals")


def parse_lines(body: Json) -> Lines:
    """The lines of `{"lines": [{"sku": str, "quantity": int}]}`, in the given order.

    Raises:
        InvalidShipmentError: anything else, unknown fields and quantities below 1 included.
    """
    if set(body) != {"lines"} or not isinstance(body["lines"], list) or not body["lines"]:
        raise InvalidShipmentError("the body is an object with a list of lines")
    for line in body["lines"]:
        if not isinstance(line, dict) or set(line) != {"sku", "quantity"}:
            raise InvalidShipmentError("a line has sku and quantity")
        sku, quantity = line["sku"], line["quantity"]
        if not isinstance(sku, str) or not sku:
            raise InvalidShipmentError("a sku is a string")
        if type(quantity) is not int or quantity < 1:
            raise InvalidShipmentError("a quantity is an integer of at least 1")
    lines: Lines = body["lines"]
    return lines


def _shipment(row: tuple[str, int, str]) -> Json:
    order_id, accepted_at, lines = row
    return {
        "order_id": order_id,
        "status": "accepted",
        "accepted_at": accepted_at,
        "lines": json.loads(lines),
    }
