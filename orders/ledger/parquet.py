"""The ledger as Parquet, written by DuckDB from the rows of the CSV, with a type for each column.

DuckDB is optional, because nothing else that an operator does needs it. It streams from file to file, so
that memory does not grow with the ledger.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orders.ledger.exports import COLUMNS, csv_export

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambdas.domain.ledger import JournalEntry

INSTALL: Final = ".venv/bin/pip install duckdb"
_TYPES: Final = {
    "entry_no": "INTEGER",
    "booked_at": "TIMESTAMP",  # of UTC
    "posting_no": "INTEGER",
    # Three digits are the most that a currency has (ISO 4217).
    "amount": "DECIMAL(38, 3)",
    "amount_minor": "BIGINT",
}
_MEMORY: Final = "256MB"


class DuckDbMissing(Exception):
    """Parquet wants DuckDB; the message says how to install it."""


def write_parquet(entries: Iterable[JournalEntry], file: Path) -> None:
    """Write a row for each posting, by `exports.COLUMNS`; what is absent is NULL.

    Raises:
        DuckDbMissing: it is not installed.
    """
    try:
        import duckdb  # noqa: PLC0415 - optional
    except ImportError as error:
        raise DuckDbMissing(f"Parquet is written by DuckDB, which is not installed: {INSTALL}") from error
    # Beside its place, so that it comes there in one step.
    with tempfile.TemporaryDirectory(prefix=".ledger-", dir=file.absolute().parent) as folder:
        rows, part = Path(folder) / "rows.csv", Path(folder) / "part.parquet"
        with rows.open("w", encoding="utf-8", newline="") as target:
            target.writelines(csv_export(entries))
        columns = ", ".join(f"'{name}': '{_TYPES.get(name, 'VARCHAR')}'" for name in COLUMNS)
        with duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": folder}) as database:
            database.execute(
                f"COPY (FROM read_csv('{_quoted(rows)}', header = true, auto_detect = false, delim = ',',"
                f" quote = '\"', escape = '\"', columns = {{{columns}}}))"
                f" TO '{_quoted(part)}' (FORMAT parquet, COMPRESSION zstd)"
            )
        part.replace(file)


def _quoted(file: Path) -> str:
    return str(file).replace("'", "''")
