"""DynamoDB's typed attribute values to plain Python and back: texts, whole numbers, booleans, lists, maps.

Our items hold no fractions, sets or binaries, so ints stay ints where boto3's own serializer brings Decimal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_CANNOT_KEEP = "cannot keep a {} in an item"


def to_attribute(value: object) -> dict[str, Any]:
    """Encode one value."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int():
            return {"N": str(value)}
        case list() | tuple():
            return {"L": [to_attribute(v) for v in value]}
        case dict():
            return {"M": to_item(value)}
        case _:
            raise TypeError(_CANNOT_KEEP.format(type(value).__name__))


def to_item(values: Mapping[str, object]) -> dict[str, Any]:
    """Encode an item; None means that the attribute is absent."""
    return {name: to_attribute(value) for name, value in values.items() if value is not None}


def from_attribute(attribute: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the value's type is in the data
    """Decode one value."""
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return int(value)
        case "L":
            return [from_attribute(v) for v in value]
        case "M":
            return from_item(value)
        case "S" | "BOOL":
            return value
        case _:
            raise TypeError(_CANNOT_KEEP.format(kind))


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return what an item weighs: names and values in UTF-8, by the rules that AWS bills by.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _attribute_bytes(value) for name, value in item.items())


def _attribute_bytes(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return (len(value) + 1) // 2 + 1
        case "BOOL":
            return 1
        case "L":
            return 3 + sum(1 + _attribute_bytes(v) for v in value)
        case "M":
            return 3 + item_bytes(value) + len(value)
        case _:
            return len(value.encode())


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Decode an item."""
    return {name: from_attribute(value) for name, value in item.items()}
