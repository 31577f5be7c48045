"""The state machine's definition as it is deployed, but for the names that CloudFormation fills in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

DEFINITION: Final = Path(__file__).parents[2] / "statemachines" / "process_order.asl.json"


def definition() -> dict[str, Any]:
    """Return the parsed definition, fresh for every caller."""
    parsed: dict[str, Any] = json.loads(DEFINITION.read_text())
    return parsed
