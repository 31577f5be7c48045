"""The schemas themselves: valid, closed, and with examples that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tests.contract.schemas import FOLDER, TYPES, errors, schema

if TYPE_CHECKING:
    from collections.abc import Iterator


def objects(part: Any) -> Iterator[dict[str, Any]]:
    """Every schema of an object."""
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield part
        for inner in part.values():
            yield from objects(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from objects(inner)


def test_there_is_one_for_each_type_of_event_and_the_readme_names_it() -> None:
    assert tuple(sorted(file.stem for file in FOLDER.glob("*.json"))) == TYPES
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert all(f"({type_}.json)" in readme for type_ in TYPES)


@pytest.mark.parametrize("type_", TYPES)
def test_it_is_a_schema_of_2020_12_and_named_like_its_events(type_: str) -> None:
    found = schema(type_)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(found)
    assert found["$id"] == f"urn:order-pipeline:event:{type_}"
    assert found["title"] == found["properties"]["type"]["const"] == type_
    assert found["description"]


@pytest.mark.parametrize("type_", TYPES)
def test_every_object_is_closed_and_has_all_its_fields(type_: str) -> None:
    found = list(objects(schema(type_)))
    assert len(found) == (3 if type_ == "order.refunded.v1" else 2)
    for part in found:
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])


@pytest.mark.parametrize("type_", TYPES)
def test_the_examples_fit(type_: str) -> None:
    examples = schema(type_)["examples"]
    assert examples
    for example in examples:
        assert errors(example) == []
        assert example["type"] == type_


@pytest.mark.parametrize(
    "time", ["2026-11-21T25:00:00.000Z", "2026-11-21T02:32:23.294+01:00", "2026-11-21T02:32:23Z", "yesterday"]
)
def test_times_are_real_and_in_utc_with_milliseconds(time: str) -> None:
    """The first one has the right form: only the format says that there is no such hour."""
    (example, *_) = schema("order.completed.v1")["examples"]
    assert errors({**example, "time": time})
