"""The runbooks, and what they have to be about, as the tests read them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.failure import UNKNOWN, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROJECT: Final = Path(__file__).parents[3]
FOLDER: Final = _PROJECT / "docs" / "runbooks"
_MACHINE: Final = _PROJECT / "statemachines" / "process_order.asl.json"
INDEX: Final = "README"
ERROR_CLASSES: Final = "error-classes"
_CONSOLE: Final = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FAILED_STEP: Final = re.compile(r"(?:States\.Format\(')?([a-z ]+):")
_VARIABLE: Final = re.compile(r"\$([A-Z_]+)")
_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")


def pages() -> dict[str, str]:
    """Return the text of every page by its name, the index too."""
    return {file.stem: file.read_text("utf-8") for file in sorted(FOLDER.glob("*.md"))}


def commands_of(text: str) -> list[str]:
    """Return what a page tells to type."""
    lines = (line for block in _CONSOLE.findall(text) for line in block.splitlines())
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def commands() -> list[str]:
    """Return every command of all pages once."""
    return sorted({command for text in pages().values() for command in commands_of(text)})


def words_of(command: str, variables: Mapping[str, str]) -> list[str]:
    """Return a command's arguments as a shell splits them, with its variables filled in."""
    filled = _VARIABLE.sub(lambda found: variables[found[1]], command)
    return shlex.split(filled)[1:]


def page_of(name: str) -> str:
    """Return the page of a step, such as `publish refund`, or of an alarm, such as `DispatchErrors`."""
    return _CAPITAL.sub("-", name).lower().replace(" ", "-")


def states() -> list[dict[str, Any]]:
    """Return the states of the workflow."""
    found: dict[str, dict[str, Any]] = json.loads(_MACHINE.read_text("utf-8"))["States"]
    return list(found.values())


def steps() -> set[str]:
    """Return the steps by which failures are grouped."""
    errors = [state.get("ErrorPath") or state["Error"] for state in states() if state["Type"] == "Fail"]
    named = [_FAILED_STEP.match(error) for error in errors]
    assert all(named)
    return {match[1] for match in named if match} | {"dispatch", UNREADABLE, UNKNOWN}
