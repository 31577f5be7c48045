"""The CDK snippet in docs/events/README.md synthesises, and subscribes to what is published."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aws_cdk import App
from aws_cdk.assertions import Template

from tests.contract.schemas import FOLDER, TYPES, errors
from tests.stacks.templates import short_name

if TYPE_CHECKING:
    from tests.stacks.templates import Assembly


def blocks(language: str) -> list[str]:
    """The README's blocks of code in a language."""
    text = (FOLDER / "README.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_snippet_subscribes_to_the_bus_and_the_source_of_production(prod: Assembly) -> None:
    (snippet,) = blocks("python")
    names: dict[str, Any] = {}
    exec(compile(snippet, "README.md", "exec"), names)  # noqa: S102 - the snippet is the project's own
    template = Template.from_stack(names["Invoices"](App(), "invoices"))
    (rule,) = template.find_resources("AWS::Events::Rule").values()
    bus = prod.properties("AWS::Events::EventBus", "Bus")
    machine = prod.properties("AWS::StepFunctions::StateMachine", "ProcessMachine")
    assert rule["Properties"]["EventBusName"] == bus["Name"]
    pattern = rule["Properties"]["EventPattern"]
    assert pattern["source"] == [machine["DefinitionSubstitutions"]["EventSource"]]
    assert set(pattern["detail-type"]) <= set(TYPES)
    (target,) = rule["Properties"]["Targets"]
    assert short_name(target["DeadLetterConfig"]["Arn"]) == "Undelivered"


def test_the_example_is_an_event_as_it_arrives() -> None:
    (example,) = blocks("json")
    event = json.loads(example)
    assert errors(event["detail"]) == []
    assert event["detail-type"] == event["detail"]["type"]
