"""The schemas of docs/events, and a validator that looks at formats too."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

FOLDER: Final = Path(__file__).parents[2] / "docs" / "events"
TYPES: Final = ("order.cancelled.v1", "order.completed.v1", "order.refunded.v1", "order.rejected.v1")


@cache
def schema(type_: str) -> dict[str, Any]:
    """The schema of an event's type."""
    found: dict[str, Any] = json.loads((FOLDER / f"{type_}.json").read_text("utf-8"))
    return found


def errors(event: dict[str, Any], type_: str | None = None) -> list[str]:
    """What a schema has against an event, by default the schema of the event's own type."""
    validator = Draft202012Validator(
        schema(type_ or event["type"]), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(event)]


def properties(type_: str, *path: str) -> dict[str, Any]:
    """The schema of what lies at a path of the event."""
    found = schema(type_)
    for name in path:
        found = found["properties"][name]
    return found
