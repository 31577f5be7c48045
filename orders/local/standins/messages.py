"""The request and the reply that the server and the stand-ins exchange."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from email.message import Message

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, read whole. Header names are looked up in any case."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes

    def json(self) -> Json:
        """The body as a JSON object; an empty body is an empty object.

        Raises:
            ValueError: the body is not JSON, or not an object.
        """
        if not self.body:
            return {}
        value = json.loads(self.body)
        if not isinstance(value, dict):
            raise ValueError("the body is not a JSON object")  # noqa: TRY004 - as for broken JSON
        return value


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, encoded body, which is JSON unless a header says otherwise, extra headers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, value: Json, headers: dict[str, str] | None = None) -> Reply:
        """Encode `value`."""
        return cls(status, json.dumps(value, separators=(",", ":")).encode(), headers or {})
