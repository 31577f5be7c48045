"""Reading the body of a POST strictly: nothing is guessed and every error is told at once."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from lambdas.domain.problems import Problem, pointer_to

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence


class InvalidBody(Exception):
    """The body is JSON but not what the route takes; carries every problem found."""

    def __init__(self, problems: list[Problem]) -> None:
        """Keep the problems in the order of the body."""
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


def hash_request(body: object) -> str:
    """Hash a parsed body so that white space and the order of keys do not make it another request."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def json_object(body: object) -> dict[str, Any]:
    """Return the body, which must be an object; raises InvalidBody."""
    if not isinstance(body, dict):
        raise InvalidBody([Problem("", "wrong_type", "the body must be a JSON object")])
    return body


def unknown_fields(found: dict[str, Any], known: frozenset[str], *path: str | int) -> list[Problem]:
    """Refuse fields that mean nothing here: a misspelt name must not be ignored."""
    return [
        Problem(pointer_to(*path, name), "unknown_field", "there is no such field here")
        for name in found
        if name not in known
    ]


def text_field(
    entry: dict[str, Any],
    name: str,
    form: re.Pattern[str],
    meaning: str,
    problems: list[Problem],
    at: tuple[str | int, ...] = (),
) -> str:
    """Read a required text of a form; `meaning` says what it must be."""
    value = entry.get(name)
    pointer = pointer_to(*at, name)
    if value is None:
        problems.append(Problem(pointer, "required", meaning))
    elif not isinstance(value, str):
        problems.append(Problem(pointer, "wrong_type", "must be a string"))
    elif not form.fullmatch(value):
        problems.append(Problem(pointer, "invalid_format", f"must be {meaning}"))
    else:
        return value
    return ""


def whole_number(
    entry: dict[str, Any],
    name: str,
    limits: tuple[int, int],
    problems: list[Problem],
    *at: str | int,
    required: bool = True,
) -> int | None:
    """Read a whole number within limits."""
    value = entry.get(name)
    pointer = pointer_to(*at, name)
    low, high = limits
    if value is None:
        if required:
            problems.append(Problem(pointer, "required", f"a whole number, {low} to {high}"))
    elif isinstance(value, bool) or not isinstance(value, int):
        # 10.0 is refused as well: a client that sends floats for money loses pennies sooner or later.
        problems.append(Problem(pointer, "wrong_type", "must be a whole number, not a fraction"))
    elif not low <= value <= high:
        problems.append(Problem(pointer, "out_of_range", f"must be {low} to {high}"))
    else:
        return value
    return None


def one_of(
    entry: dict[str, Any],
    name: str,
    choices: Sequence[str],
    problems: list[Problem],
    default: str | None = None,
) -> str:
    """Read one of some codes; without a default it is required."""
    value = entry.get(name)
    if value is None:
        value = default
    pointer = pointer_to(name)
    meaning = "one of " + ", ".join(choices)
    if value is None:
        problems.append(Problem(pointer, "required", meaning))
    elif not isinstance(value, str):
        problems.append(Problem(pointer, "wrong_type", "must be a string"))
    elif value not in choices:
        problems.append(Problem(pointer, "unknown_code", f"must be {meaning}"))
    else:
        return value
    return ""


def flag(entry: dict[str, Any], name: str, problems: list[Problem]) -> bool:
    """Read true or false; absent is false."""
    value = entry.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        problems.append(Problem(pointer_to(name), "wrong_type", "must be true or false"))
        return False
    return value
