"""What is wrong with a request: all errors at once, each with a JSON Pointer (RFC 6901) and a stable code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of a request. `facts` are numbers or codes that help to mend it, never secrets."""

    pointer: str
    code: str
    detail: str
    facts: Mapping[str, int | str] = field(default_factory=dict)


def pointer_to(*path: str | int) -> str:
    """Build a JSON Pointer; `~` and `/` are escaped as RFC 6901, section 3 says."""
    return "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in path)
