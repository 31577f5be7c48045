"""Reads entries back from their canonical bytes, as they are in an export and in the sealed log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lambdas.domain.identifiers import OrderId
from lambdas.domain.ledger import JournalEntry, Posting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def entry_from_canonical(line: bytes) -> JournalEntry:
    """Decode an entry; raises ValueError, KeyError or TypeError for what is none."""
    content = json.loads(line)
    postings = tuple(Posting(*posting) for posting in content.pop("postings"))
    return JournalEntry(postings=postings, **{**content, "order_id": OrderId(content["order_id"])})


def entries_of(file: Path) -> Iterator[JournalEntry]:
    """Yield the entries of a file of lines, without keeping them."""
    with file.open("rb") as lines:
        for line in lines:
            yield entry_from_canonical(line)
