"""The stand-in's objects in one table, and the answers saved under idempotency keys in another.

An object is kept as the JSON that the API shows; names that begin with `_` are the stand-in's own
notes and are never shown. `seq` is the order of creation, which lists follow, newest first.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from orders.local.standins.database import Database
from orders.local.standins.stripe.errors import no_such

if TYPE_CHECKING:
    from pathlib import Path

    from orders.local.standins.messages import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    parent TEXT,   -- what it belongs to: the intent of a charge or refund, a transaction's source
    payout TEXT,   -- the payout that paid a balance transaction out
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (parent);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    saved_at INTEGER NOT NULL,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
PREFIXES = {
    "payment_intent": "pi",
    "payment_method": "pm",
    "charge": "ch",
    "refund": "re",
    "balance_transaction": "txn",
    "payout": "po",
    "dispute": "du",
}
KINDS = {prefix: kind for kind, prefix in PREFIXES.items()}
SHOWN_AS = {"payment_method": "PaymentMethod"}  # Stripe names only this one so in its messages


def new_id(kind: str) -> str:
    """A new id, e.g. `pi_3…`."""
    return f"{PREFIXES[kind]}_{secrets.token_hex(12)}"


def kind_of(object_id: str) -> str | None:
    """The kind that an id's prefix tells."""
    return KINDS.get(object_id.partition("_")[0])


class Store:
    """Reads and writes objects; the caller holds a transaction for everything that writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, folder: Path | None) -> tuple[Database, Store]:
        """The database `payment.sqlite` of a folder, or one in memory, and its store."""
        database = Database(folder / "payment.sqlite" if folder else None, SCHEMA)
        return database, cls(database)

    def insert(self, body: Json, *, parent: str | None = None) -> Json:
        """Add a new object; its kind is `body["object"]`."""
        with self._database.reading() as connection:
            connection.execute(
                "INSERT INTO objects (id, kind, created, parent, body) VALUES (?, ?, ?, ?, ?)",
                (body["id"], body["object"], body["created"], parent, json.dumps(body)),
            )
        return body

    def save(self, body: Json) -> None:
        """Write an object as it now is."""
        with self._database.reading() as connection:
            connection.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))

    def find(self, kind: str, object_id: str) -> Json | None:
        """The object, or None."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT body FROM objects WHERE id = ? AND kind = ?", (object_id, kind)
            ).fetchone()
        return None if row is None else _body(row)

    def get(self, kind: str, object_id: str, *, param: str, in_path: bool = True) -> Json:
        """The object.

        Raises:
            ApiError: `resource_missing`, 404 for an id of the URL and 400 for a parameter's.
        """
        body = self.find(kind, object_id)
        if body is None:
            raise no_such(SHOWN_AS.get(kind, kind), object_id, param=param, in_path=in_path)
        return body

    def select(
        self, kind: str, where: str = "1", values: tuple[object, ...] = (), *, limit: int = -1
    ) -> list[Json]:
        """Objects of a kind that fulfil an SQL condition of ours, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                # The condition is built by this package from constants; values are bound.
                f"SELECT body FROM objects WHERE kind = ? AND {where} "  # noqa: S608
                "ORDER BY seq DESC LIMIT ?",
                (kind, *values, limit),
            ).fetchall()
        return [_body(row) for row in rows]

    def sequence(self, kind: str, object_id: str) -> int | None:
        """An object's place in the order of creation."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT seq FROM objects WHERE id = ? AND kind = ?", (object_id, kind)
            ).fetchone()
        return None if row is None else int(row[0])

    def assign_payout(self, transaction_ids: list[str], payout_id: str) -> None:
        """Note which payout paid these balance transactions out."""
        with self._database.reading() as connection:
            connection.executemany(
                "UPDATE objects SET payout = ? WHERE id = ?",
                [(payout_id, transaction_id) for transaction_id in transaction_ids],
            )

    def totals(self) -> dict[str, Json]:
        """Per currency: intents, and what was authorised (and is still held), captured, refunded.

        Refunded sums the refunds that did not fail.
        """
        totals: dict[str, Json] = {}
        with self._database.reading() as connection:
            for currency, count, held, captured in connection.execute(
                "SELECT body ->> '$.currency', COUNT(*), SUM(body ->> '$.amount_capturable'), "
                "SUM(body ->> '$.amount_received') FROM objects WHERE kind = 'payment_intent' "
                "GROUP BY 1"
            ):
                totals[currency] = {
                    "intents": count, "authorised": held, "captured": captured, "refunded": 0,
                }  # fmt: skip
            for currency, refunded in connection.execute(
                "SELECT body ->> '$.currency', SUM(body ->> '$.amount') FROM objects "
                "WHERE kind = 'refund' AND body ->> '$.status' <> 'failed' GROUP BY 1"
            ):
                totals[currency]["refunded"] = refunded
        return totals

    def refunded_of(self, intent_ids: list[str]) -> dict[str, int]:
        """What was refunded of each intent, as in `totals`."""
        marks = ",".join("?" * len(intent_ids))
        with self._database.reading() as connection:
            rows = connection.execute(
                # Only question marks are put in.
                "SELECT parent, SUM(body ->> '$.amount') FROM objects WHERE kind = 'refund' "  # noqa: S608
                f"AND body ->> '$.status' <> 'failed' AND parent IN ({marks}) GROUP BY parent",
                intent_ids,
            ).fetchall()
        return dict(rows)

    def setting(self, name: str) -> int:
        """A number kept over restarts; 0 at first."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def set_setting(self, name: str, value: int) -> None:
        """Keep a number."""
        with self._database.reading() as connection:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def forget(self) -> None:
        """Delete everything."""
        with self._database.transaction() as connection:
            for table in ("objects", "answers", "settings"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants


def _body(row: tuple[str]) -> Json:
    body: Json = json.loads(row[0])
    return body
