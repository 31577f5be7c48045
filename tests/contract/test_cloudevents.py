"""The official SDK of CloudEvents reads each event as a structured one: https://pypi.org/project/cloudevents/"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat

from lambdas.domain.timestamps import from_text
from tests.contract.outcomes import WAYS, Shop
from tests.contract.schemas import TYPES, schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudevents.core.base import BaseCloudEvent

    from tests.contract.outcomes import Event


def read(event: Event) -> BaseCloudEvent:
    """Read an event as the body of an HTTP request in structured mode."""
    headers = {"content-type": "application/cloudevents+json"}
    return from_structured_event(HTTPMessage(headers, json.dumps(event).encode()))


def check(event: Event) -> None:
    """Everything that was written is what the SDK finds, and it finds nothing else."""
    found = read(event)
    data, time = event["data"], event["time"]
    attributes = {name: value for name, value in event.items() if name not in {"data", "time"}}
    assert found.get_attributes() == {**attributes, "time": from_text(time)}
    assert found.get_data() == data
    written = json.loads(JSONFormat().write(found))
    assert from_text(written.pop("time")) == from_text(time)
    assert written == {**attributes, "data": data}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_is_published_is_a_cloudevent(way: Callable[[Shop], None]) -> None:
    shop = Shop()
    way(shop)
    for event in shop.events:
        check(event)


@pytest.mark.parametrize("type_", TYPES)
def test_the_examples_are_cloudevents(type_: str) -> None:
    for example in schema(type_)["examples"]:
        check(example)


@pytest.mark.parametrize("broken", [{"specversion": "0.9"}, {"id": ""}, {"order_id": "ord_1"}])
def test_the_sdk_does_look(broken: Event) -> None:
    """An attribute's name has lower-case letters and digits alone, so that ours have to be in `data`."""
    (example, *_) = schema("order.completed.v1")["examples"]
    with pytest.raises((CloudEventValidationError, ValueError)):
        read({**example, **broken})
